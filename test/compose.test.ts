/** The container files, read: nobody here has Docker to run them. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { MINISTACK } from '../cli/cloud/emulator.ts';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const text = readFileSync(join(ROOT, 'docker-compose.localstack.yml'), 'utf8');

interface Service {
  readonly image?: string;
  readonly build?: string | { readonly context: string; readonly dockerfile: string };
  readonly profiles?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly container_name?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, unknown>>;
}
const { services, volumes } = parse(text) as {
  services: Record<string, Service>;
  volumes: Record<string, null>;
};
const all = Object.entries(services);

describe('docker-compose.localstack.yml', () => {
  it('starts MiniStack, and nothing else, by default', () => {
    const byDefault = all.filter(([, { profiles }]) => profiles === undefined);
    expect(byDefault.map(([name]) => name)).toEqual(['ministack']);
    expect(services['localstack']?.profiles).toEqual(['localstack']);
  });

  it('pins images, MiniStack’s to the version that the tests run', () => {
    for (const [name, { image, build }] of all) {
      if (build === undefined) expect(image, name).toMatch(/^[a-z/]+:\d+(\.\d+)+$/);
    }
    expect(services['ministack']?.image).toBe(`ministackorg/${MINISTACK.replace('==', ':')}`);
  });

  it('publishes ports on this machine only', () => {
    const ports = all.flatMap(([, service]) => service.ports ?? []);
    expect(ports.length).toBeGreaterThan(0);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('asks for no variable of whoever starts another service', () => {
    // Compose puts variables in before it looks at profiles; `$$` is the container's own shell.
    const demanded = [...text.matchAll(/(?<!\$)\$\{(\w+):?\?/g)].map(([, name]) => name);
    expect(demanded).toEqual([]);
    expect(text).toMatch(/\$\$\{LOCALSTACK_AUTH_TOKEN:\?[^}]+\}/);
    const open = [...text.matchAll(/(?<!\$)\$\{([^}]+)\}/g)].map(([, inner]) => inner);
    for (const inner of open) expect(inner).toMatch(/^\w+:-/);
  });

  it('scales nodes and miners: neither name nor published port of their own', () => {
    for (const name of ['up', 'miner']) {
      expect(services[name]).toBeDefined();
      expect(services[name]?.container_name).toBeUndefined();
      expect(services[name]?.ports).toBeUndefined();
      expect(Object.keys(services[name]?.depends_on ?? {})).toEqual(['founder']);
    }
  });

  it('names services and volumes that are there', () => {
    for (const [, service] of all) {
      for (const other of Object.keys(service.depends_on ?? {})) {
        expect(services).toHaveProperty(other);
      }
      for (const volume of service.volumes ?? []) {
        const [source = ''] = volume.split(':');
        if (!source.startsWith('/')) expect(volumes).toHaveProperty(source);
      }
    }
  });
});

describe('Dockerfiles', () => {
  const files = ['Dockerfile', 'miner/Dockerfile'];

  it('are those that Compose builds', () => {
    const built = all.flatMap(([, { build }]) =>
      build === undefined ? [] : typeof build === 'string' ? 'Dockerfile' : build.dockerfile,
    );
    expect([...new Set(built)].sort()).toEqual(files);
  });

  it.each(files)('%s copies what is there, from a pinned Node, and runs as no root', (file) => {
    const lines = readFileSync(join(ROOT, file), 'utf8').replaceAll('\\\n', ' ').split('\n');
    const copies = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(/\s+/).slice(1, -1));
    expect(copies.length).toBeGreaterThan(2);
    for (const source of copies) expect(existsSync(join(ROOT, source)), source).toBe(true);
    const images = lines
      .filter((line) => line.startsWith('FROM '))
      .map((line) => line.split(' ')[1]);
    expect(new Set(images)).toEqual(new Set(['node:24-slim']));
    expect(lines).toContain('USER node');
  });
});
