// Fetches AWS's DynamoDB Local by Maven into node_modules/.cache, for test/conformance/dynamodb-local.
// Needs Java 17 and Maven; says what is missing and exits with 3.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSION = '2.6.1';
const root = fileURLToPath(new URL('../..', import.meta.url));
const lib = join(root, 'node_modules', '.cache', 'stackchain', `dynamodb-local-${VERSION}`);

if (existsSync(join(lib, `DynamoDBLocal-${VERSION}.jar`))) process.exit(0);
const dir = mkdtempSync(join(tmpdir(), 'stackchain-maven-'));
writeFileSync(
  join(dir, 'pom.xml'),
  `<project><modelVersion>4.0.0</modelVersion><groupId>x</groupId><artifactId>x</artifactId>
<version>1</version><dependencies><dependency><groupId>com.amazonaws</groupId>
<artifactId>DynamoDBLocal</artifactId><version>${VERSION}</version></dependency></dependencies></project>`,
);
mkdirSync(lib, { recursive: true });
try {
  execFileSync('mvn', ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${lib}`], {
    cwd: dir,
    stdio: 'inherit',
  });
} catch (error) {
  console.error(`DynamoDB Local cannot be fetched: ${error.message.split('\n')[0]}`);
  process.exitCode = 3;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
