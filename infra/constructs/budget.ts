/**
 * A letter when a month costs more than it should: a late net below the throttles and maxima, for AWS
 * counts costs hours later. It counts the whole account, since tags tell costs apart only where
 * somebody activated them for billing.
 */
import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import { Construct } from 'constructs';
import type { NodeId } from '../names.ts';

export interface BudgetProps {
  /** US dollars a month. */
  readonly usd: number;
  /** Who is written to when the month reaches it, and when AWS foresees that it will. */
  readonly email: string;
}

const KINDS = ['ACTUAL', 'FORECASTED'] as const;

export class MonthlyBudget extends Construct {
  constructor(scope: Construct, name: string, id: NodeId, { usd, email }: BudgetProps) {
    super(scope, name);
    new CfnBudget(this, 'Budget', {
      budget: {
        budgetName: `stackchain-${id.network}-${id.node}`,
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount: usd, unit: 'USD' },
      },
      notificationsWithSubscribers: KINDS.map((notificationType) => ({
        notification: {
          notificationType,
          comparisonOperator: 'GREATER_THAN',
          threshold: 100,
          thresholdType: 'PERCENTAGE',
        },
        subscribers: [{ subscriptionType: 'EMAIL', address: email }],
      })),
    });
  }
}
