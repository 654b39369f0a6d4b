//! Requests with one thing wrong: the same that would succeed, spoilt on their way.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use serde_json::{Value as Json, json};
use stator_e2e::oracle::{Flaw, Schema, spoil};
use stator_e2e::random::Random;
use stator_e2e::tap::Tap;

/// Spoils requests, and counts what was wrong with them.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    tap: Tap,
    schemas: BTreeMap<String, Schema>,
    by_group: BTreeMap<&'static str, u64>,
}

/// What was wrong and what was sent.
type Spoilt = Arc<Mutex<Option<(Flaw, String)>>>;

impl Refusals {
    pub(super) const fn tap(&self) -> &Tap {
        &self.tap
    }

    /// How many requests were refused, by what was wrong with them.
    pub(super) const fn by_group(&self) -> &BTreeMap<&'static str, u64> {
        &self.by_group
    }

    /// Notes how a table is keyed.
    pub(super) fn learn(&mut self, name: &str, schema: Schema) {
        self.schemas.insert(name.to_owned(), schema);
    }

    /// Forgets a table.
    pub(super) fn forget(&mut self, name: &str) {
        self.schemas.remove(name);
    }

    /// Now and then sends this request with something wrong in it, which must be refused and change nothing:
    /// the request itself follows. Else it may get members that mean nothing.
    pub(super) async fn attempt<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
        &mut self,
        operation: &'static str,
        random: &mut Random,
        request: impl Future<Output = Result<T, SdkError<E>>>,
    ) {
        if !random.one_in(3) {
            if random.one_in(10) {
                self.tap.change_next(decorate);
            }
            return;
        }
        let spoilt = Spoilt::default();
        let (schemas, mut random) = (self.schemas.clone(), random.fork());
        let told = Arc::clone(&spoilt);
        self.tap.change_next(move |body| {
            let flaw = spoil(operation, body, &schemas, &mut random);
            *told.lock().expect("nobody panicked") = Some((flaw, body.to_string()));
        });
        let answer = request.await;
        let (flaw, sent) =
            spoilt.lock().expect("nobody panicked").take().expect("the request was spoilt");
        judge(&answer, &flaw, &format!("{operation} {sent}"));
        *self.by_group.entry(flaw.group).or_default() += 1;
    }
}

/// Members that nobody knows are ignored, and those that are null are not there.
fn decorate(body: &mut Json) {
    let members = body.as_object_mut().expect("a request is an object");
    members.insert("Nonsense".to_owned(), json!({"a": [1, true]}));
    for member in ["IndexName", "Expected", "ConditionalOperator", "AttributesToGet"] {
        members.entry(member).or_insert(Json::Null);
    }
}

fn judge<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    answer: &Result<T, SdkError<E>>,
    flaw: &Flaw,
    sent: &str,
) {
    let error = match answer {
        Ok(answer) => panic!("{flaw:?} is not refused: {answer:?}\n{sent}"),
        Err(error) => error.as_service_error().unwrap_or_else(|| panic!("{error:?}\n{sent}")),
    };
    let (code, text) = (error.code(), error.message().unwrap_or_default());
    assert_eq!(code, Some(flaw.error), "{flaw:?}: {text}\n{sent}");
    let fits = flaw.texts.is_empty() || flaw.texts.iter().any(|one| one.fits(text));
    assert!(fits, "{text:?} is not {flaw:?}\n{sent}");
}
