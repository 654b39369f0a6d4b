#!/usr/bin/env bash
# What a person does with the database in a shell, with an unmodified AWS CLI. The endpoint comes in
# AWS_ENDPOINT_URL; retries are off, so that every failure is seen.
set -euo pipefail
export AWS_MAX_ATTEMPTS=1 AWS_PAGER=""

checks=0

# check WHAT ACTUAL EXPECTED
check() {
  checks=$((checks + 1))
  if [[ "$2" != "$3" ]]; then
    printf '%s:\n  expected %s\n  answered %s\n' "$1" "$3" "$2" >&2
    exit 1
  fi
}

# refused WHAT TEXT COMMAND...: the command must fail and say TEXT.
refused() {
  local what=$1 text=$2 said
  shift 2
  if said=$("$@" 2>&1); then
    printf '%s: expected a refusal, answered %s\n' "$what" "$said" >&2
    exit 1
  fi
  checks=$((checks + 1))
  if [[ "$said" != *"$text"* ]]; then
    printf '%s:\n  expected …%s…\n  answered %s\n' "$what" "$text" "$said" >&2
    exit 1
  fi
}

db() {
  aws dynamodb "$@" --output text
}

check "status at once" CREATING "$(db create-table --table-name Shop.orders \
  --attribute-definitions AttributeName=customer,AttributeType=S AttributeName=order,AttributeType=N \
  --key-schema AttributeName=customer,KeyType=HASH AttributeName=order,KeyType=RANGE \
  --provisioned-throughput ReadCapacityUnits=5,WriteCapacityUnits=2 \
  --query TableDescription.TableStatus)"
aws dynamodb wait table-exists --table-name Shop.orders
check "status after the wait" ACTIVE \
  "$(db describe-table --table-name Shop.orders --query Table.TableStatus)"
check "throughput" $'5\t2' "$(db describe-table --table-name Shop.orders \
  --query 'Table.ProvisionedThroughput.[ReadCapacityUnits,WriteCapacityUnits]')"
check "names" Shop.orders "$(db list-tables --query TableNames)"

db put-item --table-name Shop.orders \
  --item '{"customer":{"S":"ann"},"order":{"N":"7"},"paid":{"BOOL":true},"lines":{"L":[{"S":"tea"}]}}'
check "item" $'True\ttea' "$(db get-item --table-name Shop.orders --consistent-read \
  --key '{"customer":{"S":"ann"},"order":{"N":"7.00"}}' \
  --query 'Item.[paid.BOOL,lines.L[0].S]')"
check "missing item" None "$(db get-item --table-name Shop.orders \
  --key '{"customer":{"S":"ann"},"order":{"N":"8"}}' --query Item)"
check "replaced item" True "$(db put-item --table-name Shop.orders --return-values ALL_OLD \
  --item '{"customer":{"S":"ann"},"order":{"N":"7"}}' --query Attributes.paid.BOOL)"
check "capacity" 0.5 "$(db get-item --table-name Shop.orders --return-consumed-capacity TOTAL \
  --key '{"customer":{"S":"ann"},"order":{"N":"7"}}' --query ConsumedCapacity.CapacityUnits)"

key='{"customer":{"S":"ann"},"order":{"N":"7"}}'
check "updated item" $'2\ttea' "$(db update-item --table-name Shop.orders --key "$key" \
  --update-expression 'SET #lines = :lines, paid = if_not_exists(paid, :one) + :one' \
  --condition-expression 'attribute_not_exists(#lines)' \
  --expression-attribute-names '{"#lines":"lines"}' \
  --expression-attribute-values '{":lines":{"L":[{"S":"tea"},{"S":"milk"}]},":one":{"N":"1"}}' \
  --return-values ALL_NEW --query 'Attributes.[paid.N,lines.L[0].S]')"
refused "failed condition" "(ConditionalCheckFailedException) when calling the UpdateItem operation: \
The conditional request failed" db update-item --table-name Shop.orders --key "$key" \
  --update-expression 'ADD paid :one' --condition-expression 'paid < :one' \
  --expression-attribute-values '{":one":{"N":"1"}}'
check "projected item" $'2\tmilk\tNone' "$(db get-item --table-name Shop.orders --key "$key" \
  --projection-expression 'paid, #lines[1]' --expression-attribute-names '{"#lines":"lines"}' \
  --query 'Item.[paid.N,lines.L[0].S,customer]')"

db batch-write-item --request-items '{"Shop.orders": [
  {"PutRequest": {"Item": {"customer":{"S":"bob"},"order":{"N":"1"}}}},
  {"PutRequest": {"Item": {"customer":{"S":"bob"},"order":{"N":"2"}}}},
  {"DeleteRequest": {"Key": {"customer":{"S":"ann"},"order":{"N":"7"}}}}]}'
check "scan" $'1\n2' "$(db scan --table-name Shop.orders --query 'Items[].[order.N]')"
check "scan, page by page" $'1\n2' \
  "$(db scan --table-name Shop.orders --page-size 1 --query 'Items[].[order.N]')"
check "batch" 2 "$(db batch-get-item --query 'Responses."Shop.orders"[0].order.N' --request-items \
  '{"Shop.orders": {"Keys": [{"customer":{"S":"bob"},"order":{"N":"2"}}], "ConsistentRead": true}}')"
check "deleted item" 1 "$(db delete-item --table-name Shop.orders --return-values ALL_OLD \
  --key '{"customer":{"S":"bob"},"order":{"N":"1"}}' --query Attributes.order.N)"
check "count" 1 "$(db scan --table-name Shop.orders --select COUNT --query Count)"

refused "no such table" "(ResourceNotFoundException) when calling the DescribeTable operation: \
Requested resource not found: Table: Nowhere not found" db describe-table --table-name Nowhere
refused "item without its key" "(ValidationException) when calling the PutItem operation: \
One or more parameter values were invalid: Missing the key order in the item" \
  db put-item --table-name Shop.orders --item '{"customer":{"S":"ann"}}'

check "status at once" UPDATING "$(db update-table --table-name Shop.orders \
  --provisioned-throughput ReadCapacityUnits=6,WriteCapacityUnits=1 \
  --query TableDescription.TableStatus)"
aws dynamodb wait table-exists --table-name Shop.orders
check "throughput" $'6\t1\t1' "$(db describe-table --table-name Shop.orders --query \
  'Table.ProvisionedThroughput.[ReadCapacityUnits,WriteCapacityUnits,NumberOfDecreasesToday]')"
check "protection" True "$(db update-table --table-name Shop.orders --deletion-protection-enabled \
  --query TableDescription.DeletionProtectionEnabled)"
refused "protected" "Disable deletion protection first." db delete-table --table-name Shop.orders
db update-table --table-name Shop.orders --no-deletion-protection-enabled \
  --query TableDescription.TableStatus >/dev/null
arn=$(db describe-table --table-name Shop.orders --query Table.TableArn)
db tag-resource --resource-arn "$arn" --tags Key=team,Value=shop Key=stage,Value=
check "tags" $'stage\t\nteam\tshop' "$(db list-tags-of-resource --resource-arn "$arn" \
  --query 'Tags[].[Key,Value]')"
db untag-resource --resource-arn "$arn" --tag-keys stage
check "tags left" team "$(db list-tags-of-resource --resource-arn "$arn" --query 'Tags[].Key')"
check "time to live" DISABLED "$(db describe-time-to-live --table-name Shop.orders \
  --query TimeToLiveDescription.TimeToLiveStatus)"
check "recovery" DISABLED "$(db describe-continuous-backups --table-name Shop.orders --query \
  ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus)"
check "limits" 80000 "$(db describe-limits --query AccountMaxReadCapacityUnits)"
check "endpoint" "$AWS_ENDPOINT_URL" \
  "http://$(db describe-endpoints --query 'Endpoints[0].Address')"

check "status at once" DELETING \
  "$(db delete-table --table-name Shop.orders --query TableDescription.TableStatus)"
aws dynamodb wait table-not-exists --table-name Shop.orders
check "names" "" "$(db list-tables --query TableNames)"
printf 'aws cli: %s checks passed\n' "$checks"
