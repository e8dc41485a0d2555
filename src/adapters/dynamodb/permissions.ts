/**
 * The IAM actions on the two tables, by who needs them: a running service, whoever sets it up, and whoever
 * removes it. No other action is used; tests compare this list with the requests that are sent.
 */
export const IAM_ACTIONS = {
  runtime: [
    'dynamodb:BatchGetItem',
    'dynamodb:BatchWriteItem',
    'dynamodb:DeleteItem',
    'dynamodb:DescribeTable',
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'dynamodb:UpdateItem',
  ],
  setup: [
    'dynamodb:CreateTable',
    'dynamodb:DescribeTable',
    'dynamodb:DescribeTimeToLive',
    'dynamodb:UpdateTimeToLive',
  ],
  teardown: ['dynamodb:DeleteTable', 'dynamodb:DescribeTable'],
} as const;
