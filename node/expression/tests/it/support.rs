//! Short names for what the tests say again and again.

use stator_expression::{ExpressionError, Placeholders};
use stator_model::{AttributeMap, Item};
use stator_protocol::JsonWriter;

/// How many cases to run: `base` times `STATOR_CASES`, the multiplier of all tests.
pub(crate) fn cases(base: u32) -> u32 {
    let times = std::env::var("STATOR_CASES").ok().and_then(|times| times.parse().ok());
    base.saturating_mul(times.unwrap_or(1))
}

/// The attributes that this JSON is.
pub(crate) fn item(json: &str) -> Item {
    stator_protocol::parse(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error:?}"))
}

/// The JSON that these attributes are.
pub(crate) fn shown(item: &Item) -> String {
    let mut writer = JsonWriter::new();
    writer.item(item);
    String::from_utf8(writer.into_bytes()).expect("JSON is UTF-8")
}

/// Placeholders of these names and values.
pub(crate) fn placeholders(
    names: &[(&str, &str)],
    values: &AttributeMap,
) -> Result<Placeholders, ExpressionError> {
    let owned = |(token, name): &(&str, &str)| ((*token).to_owned(), (*name).to_owned());
    let names: Vec<_> = names.iter().map(owned).collect();
    let some = |empty: bool| (!empty).then_some(());
    Placeholders::new(
        some(names.is_empty()).map(|()| names),
        some(values.is_empty()).map(|()| values.clone()),
    )
}
