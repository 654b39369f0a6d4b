//! `metadata` of an object, by the rules of Kubernetes ("Object Names and IDs", "Labels and
//! Selectors", "Annotations", Kubernetes documentation). Only the name means something to a node;
//! the rest is checked so that what works here can be applied there.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::validate::Violations;

/// Characters of an object's name.
const NAME_CHARS: usize = 253;
/// Characters of a namespace, of a label's value, and of the name in a label's key.
const SEGMENT_CHARS: usize = 63;
/// Bytes of all annotations of an object.
const ANNOTATION_BYTES: usize = 256 * 1024;

/// What an object is called.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// The object's name.
    pub name: String,
    /// Its namespace, if it says one.
    pub namespace: Option<String>,
    /// Its labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// Its annotations.
    pub annotations: Option<BTreeMap<String, String>>,
}

impl Metadata {
    pub(crate) fn check(&self, violations: &mut Violations) {
        if !is_subdomain(&self.name) {
            violations.add(
                "metadata.name",
                "an object's name has 1 to 253 of a-z, 0-9, '-' and '.', and letters or digits at \
                 both ends of what is between dots; spec.tableName may have others",
            );
        }
        if self.namespace.as_ref().is_some_and(|name| !is_dns_label(name)) {
            violations.add(
                "metadata.namespace",
                "a namespace has 1 to 63 of a-z, 0-9 and '-', and letters or digits at both ends",
            );
        }
        for (key, value) in self.labels.iter().flatten() {
            let path = format!("metadata.labels.{key}");
            if !value.is_empty() && !is_segment(value) {
                violations.add(
                    path.clone(),
                    "a label's value has at most 63 of a-z, A-Z, 0-9, '-', '_' and '.', and letters \
                     or digits at both ends",
                );
            }
            check_key(violations, path, key);
        }
        let annotations = || self.annotations.iter().flatten();
        for (key, _) in annotations() {
            check_key(violations, format!("metadata.annotations.{key}"), &key.to_ascii_lowercase());
        }
        let bytes: usize = annotations().map(|(key, value)| key.len() + value.len()).sum();
        if bytes > ANNOTATION_BYTES {
            let problem = format!("annotations have at most {ANNOTATION_BYTES} bytes, not {bytes}");
            violations.add("metadata.annotations", problem);
        }
    }
}

/// A key of a label or an annotation: `name` or `domain/name`.
fn check_key(violations: &mut Violations, path: String, key: &str) {
    let valid = match key.split_once('/') {
        Some((domain, name)) => is_subdomain(domain) && is_segment(name),
        None => is_segment(key),
    };
    if !valid {
        violations.add(
            path,
            "a key is a name of 1 to 63 of a-z, A-Z, 0-9, '-', '_' and '.', with letters or digits \
             at both ends, perhaps after a domain and '/'",
        );
    }
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= NAME_CHARS && text.split('.').all(is_domain_part)
}

fn is_dns_label(text: &str) -> bool {
    text.len() <= SEGMENT_CHARS && is_domain_part(text)
}

fn is_domain_part(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    is_framed(text, plain, |byte| byte == b'-')
}

fn is_segment(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    text.len() <= SEGMENT_CHARS && is_framed(text, plain, |byte| b"-_.".contains(&byte))
}

/// Whether the text has only plain and inner characters, and plain ones at both ends.
fn is_framed(text: &str, plain: impl Fn(u8) -> bool, inner: impl Fn(u8) -> bool) -> bool {
    let ends = [text.bytes().next(), text.bytes().next_back()];
    ends.into_iter().all(|end| end.is_some_and(&plain))
        && text.bytes().all(|byte| plain(byte) || inner(byte))
}
