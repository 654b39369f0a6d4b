//! Legacy parameters mean what expressions mean: each request is made in both forms, and answered alike.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::world::World;

const KEY: &str = "key";

fn world() -> World {
    let mut world = World::forwarding();
    let table = json!({
        "TableName": "table",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": KEY, "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": KEY, "KeyType": "HASH"}],
    });
    answer(&mut world, "CreateTable", &table);
    world.activate("table");
    world
}

fn answer(world: &mut World, operation: &str, body: &Value) -> (u16, Value) {
    let (status, answer) = world.answer(operation, body.to_string().as_bytes());
    (status, serde_json::from_slice(&answer).expect("every answer is JSON"))
}

/// Values that are equal, ordered, or in each other now and then.
fn any_value() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!({"N": "1"}),
        json!({"N": "2"}),
        json!({"N": "10"}),
        json!({"S": ""}),
        json!({"S": "a"}),
        json!({"S": "ab"}),
        json!({"B": "YQ=="}),
        json!({"B": "YWI="}),
        json!({"SS": ["a", "ab"]}),
        json!({"SS": ["ab", "a"]}),
        json!({"NS": ["1", "2"]}),
        json!({"BS": ["YQ=="]}),
        json!({"L": [{"N": "1"}, {"S": "a"}]}),
        json!({"M": {"a": {"N": "1"}}}),
        json!({"BOOL": true}),
        json!({"NULL": true}),
    ])
}

fn any_item() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::hash_map(any_name(), any_value(), 0..3).prop_map(|mut attributes| {
        attributes.insert(KEY.to_owned(), json!({"S": "k"}));
        attributes.into_iter().collect()
    })
}

fn any_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c.d"]).prop_map(str::to_owned)
}

/// An operator, its arguments, and the expression: `#` is the attribute, `:0` and `:1` are arguments.
fn any_comparison() -> impl Strategy<Value = (&'static str, Vec<Value>, &'static str)> {
    let operators = vec![
        ("EQ", 1, "# = :0"),
        ("NE", 1, "# <> :0"),
        ("LT", 1, "# < :0"),
        ("LE", 1, "# <= :0"),
        ("GT", 1, "# > :0"),
        ("GE", 1, "# >= :0"),
        ("IN", 1, "# IN (:0)"),
        ("IN", 2, "# IN (:0, :1)"),
        ("BETWEEN", 2, "# BETWEEN :0 AND :1"),
        ("NULL", 0, "attribute_not_exists(#)"),
        ("NOT_NULL", 0, "attribute_exists(#)"),
        ("BEGINS_WITH", 1, "begins_with(#, :0)"),
        ("CONTAINS", 1, "contains(#, :0)"),
        ("NOT_CONTAINS", 1, "attribute_exists(#) AND NOT contains(#, :0)"),
    ];
    prop::sample::select(operators).prop_flat_map(|(operator, count, expression)| {
        let arguments = prop::collection::vec(any_value(), count);
        arguments.prop_map(move |arguments| (operator, arguments, expression))
    })
}

/// A request in the words of expressions: names and values that its expressions use.
#[derive(Default)]
struct Placeholders {
    names: Map<String, Value>,
    values: Map<String, Value>,
}

impl Placeholders {
    fn name(&mut self, name: &str) -> String {
        let token = format!("#n{}", self.names.len());
        self.names.insert(token.clone(), json!(name));
        token
    }

    fn value(&mut self, value: &Value) -> String {
        let token = format!(":v{}", self.values.len());
        self.values.insert(token.clone(), value.clone());
        token
    }

    fn add_to(self, request: &mut Value) {
        for (member, map) in
            [("ExpressionAttributeNames", self.names), ("ExpressionAttributeValues", self.values)]
        {
            if !map.is_empty() {
                request[member] = Value::Object(map);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_expected_is_the_condition_that_an_expression_says(
        item in any_item(),
        comparisons in prop::collection::hash_map(any_name(), any_comparison(), 1..3),
        is_or in any::<bool>(),
    ) {
        let mut expected = Map::new();
        let mut parts = Vec::new();
        let mut placeholders = Placeholders::default();
        for (name, (operator, arguments, expression)) in &comparisons {
            let condition = json!({"ComparisonOperator": operator, "AttributeValueList": arguments});
            expected.insert(name.clone(), condition);
            let mut part = expression.replace('#', &placeholders.name(name));
            for (at, argument) in arguments.iter().enumerate() {
                part = part.replace(&format!(":{at}"), &placeholders.value(argument));
            }
            parts.push(format!("({part})"));
        }
        let put = json!({"TableName": "table", "Item": item});
        let mut legacy = put.clone();
        legacy["Expected"] = Value::Object(expected);
        if comparisons.len() > 1 {
            legacy["ConditionalOperator"] = json!(if is_or { "OR" } else { "AND" });
        }
        let mut expression = put.clone();
        let text = parts.join(if is_or { " OR " } else { " AND " });
        expression["ConditionExpression"] = json!(text);
        placeholders.add_to(&mut expression);

        let mut world = world();
        answer(&mut world, "PutItem", &put);
        let legacy = answer(&mut world, "PutItem", &legacy);
        // Fewer types of arguments are allowed than in expressions.
        if !legacy.1.to_string().contains("ValidationException") {
            prop_assert_eq!(legacy, answer(&mut world, "PutItem", &expression));
        }
    }

    #[test]
    fn attributes_are_updated_as_an_expression_updates_them(
        item in prop::option::of(any_item()),
        updates in prop::collection::hash_map(
            any_name(),
            (prop::sample::select(vec!["PUT", "ADD", "DELETE", "REMOVE"]), any_value()),
            1..4,
        ),
        return_values in prop::sample::select(
            vec!["NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"]
        ),
    ) {
        let mut attribute_updates = Map::new();
        let mut clauses: [Vec<String>; 4] = Default::default();
        let mut placeholders = Placeholders::default();
        for (name, (action, value)) in &updates {
            let token = placeholders.name(name);
            let mut update = json!({"Action": action, "Value": value});
            let (clause, text) = match *action {
                "PUT" => (0, format!("{token} = {}", placeholders.value(value))),
                // Expressions add no lists.
                "ADD" if value.get("L").is_some() => {
                    let empty = placeholders.value(&json!({"L": []}));
                    let more = placeholders.value(value);
                    (0, format!("{token} = list_append(if_not_exists({token}, {empty}), {more})"))
                }
                "ADD" => (1, format!("{token} {}", placeholders.value(value))),
                "DELETE" => (2, format!("{token} {}", placeholders.value(value))),
                _ => {
                    update = json!({"Action": "DELETE"});
                    (3, token)
                }
            };
            attribute_updates.insert(name.clone(), update);
            clauses[clause].push(text);
        }
        let clauses = ["SET", "ADD", "DELETE", "REMOVE"].into_iter().zip(clauses);
        let clauses = clauses.filter(|(_, parts)| !parts.is_empty());
        let text: Vec<String> =
            clauses.map(|(word, parts)| format!("{word} {}", parts.join(", "))).collect();

        let update =
            json!({"TableName": "table", "Key": {KEY: {"S": "k"}}, "ReturnValues": return_values});
        let mut legacy = update.clone();
        legacy["AttributeUpdates"] = Value::Object(attribute_updates);
        let mut expression = update;
        expression["UpdateExpression"] = json!(text.join(" "));
        placeholders.add_to(&mut expression);

        let outcome = |request: &Value| {
            let mut world = world();
            if let Some(item) = &item {
                answer(&mut world, "PutItem", &json!({"TableName": "table", "Item": item}));
            }
            let (status, mut answered) = answer(&mut world, "UpdateItem", request);
            // Errors are worded each in its way.
            if let Some(error) = answered.as_object_mut().filter(|_| status == 400) {
                error.remove("message");
            }
            let get = json!({"TableName": "table", "Key": {KEY: {"S": "k"}}});
            (status, answered, answer(&mut world, "GetItem", &get))
        };
        prop_assert_eq!(outcome(&legacy), outcome(&expression));
    }
}
