//! Projections.

use stator_expression::Projection;
use stator_model::Item;

use crate::session::{self, Settings};
use crate::support::{placeholders, shown};

fn answer(settings: &Settings, expression: &str) -> String {
    match Projection::parse(expression, &mut settings.placeholders()) {
        Ok(projection) => {
            let reads: Vec<_> = projection.attributes().collect();
            let item = projection.project(&settings.attributes("item"));
            format!("{} of {}", shown(&item), reads.join(", "))
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn projections_answer_as_written() {
    session::play("projection", 60, answer);
}

#[test]
fn attributes_to_get_are_names_and_no_paths() {
    let item = crate::support::item(r#"{"a.b": {"N": "1"}, "a": {"M": {"b": {"N": "2"}}}}"#);
    let projection = Projection::of_attributes(["a.b", "c", "a.b"]);
    assert_eq!(shown(&projection.project(&item)), r#"{"a.b":{"N":"1"}}"#);
    assert_eq!(projection.attributes().collect::<Vec<_>>(), ["a.b", "c"]);
    assert_eq!(projection.nested_attributes(), [] as [&str; 0]);
}

#[test]
fn a_projection_tells_which_attributes_it_takes_parts_of() {
    let mut placeholders = placeholders(&[("#e", "e.f")], &Item::new()).unwrap();
    let projection = Projection::parse("a.b, c, a.d, #e, g[1].h", &mut placeholders).unwrap();
    assert_eq!(projection.nested_attributes(), ["a", "g"]);
}
