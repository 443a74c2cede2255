/**
 * The lines of nodes of other accounts, in SSM parameters: a function's environment holds 4 KB in
 * all, too little for them. Owns how they are spread over parameters and what these are called.
 */
import { createHash } from 'node:crypto';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import type { StackLine } from '../../functions/stack-line.ts';
import { foreignParameter, type NodeId } from '../names.ts';

/** What a standard parameter holds. */
const VALUE_CHARS_MAX = 4096;
const DIGEST_CHARS = 12;

export class ForeignLines extends Construct {
  /** Names of the parameters. Another content has another name: functions start anew with it. */
  readonly parameters: readonly string[];

  constructor(scope: Construct, name: string, id: NodeId, lines: readonly StackLine[]) {
    super(scope, name);
    this.parameters = inValues(lines).map((stringValue) => {
      const digest = createHash('sha256').update(stringValue).digest('hex').slice(0, DIGEST_CHARS);
      const parameterName = foreignParameter(id, digest);
      new StringParameter(this, `Lines${digest}`, { parameterName, stringValue });
      return parameterName;
    });
  }
}

function inValues(lines: readonly StackLine[]): string[] {
  const values: string[] = [];
  for (const line of lines) {
    const text = JSON.stringify(line);
    const last = values.at(-1);
    if (last === undefined || last.length + 1 + text.length > VALUE_CHARS_MAX) values.push(text);
    else values[values.length - 1] = `${last}\n${text}`;
  }
  return values;
}
