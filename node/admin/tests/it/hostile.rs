//! Files that nobody wrote by hand: too large, too many, too deep, random.

use proptest::prelude::*;
use stator_admin::{DOCUMENTS, FILE_BYTES, Problem, read};

const TABLE: &str = "\
apiVersion: stator.dev/v1alpha1
kind: Table
metadata: {name: orders}
spec:
  attributeDefinitions: [{attributeName: pk, attributeType: S}]
  keySchema: [{attributeName: pk, keyType: HASH}]
  billingMode: PAY_PER_REQUEST
";

fn refused(bytes: &[u8]) -> (u64, Problem) {
    let error = read("f", bytes).expect_err("it is refused");
    (error.place.line, error.problem)
}

/// How many cases a random test runs: `base` times `STATOR_CASES`.
fn cases(base: u32) -> ProptestConfig {
    let factor = std::env::var("STATOR_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig::with_cases(base.saturating_mul(factor.unwrap_or(1)))
}

#[test]
fn a_file_may_have_one_mebibyte_and_not_a_byte_more() {
    let mut file = TABLE.as_bytes().to_vec();
    file.resize(FILE_BYTES, b'#');
    file[TABLE.len()] = b'#';
    assert_eq!(read("f", &file).map(|manifests| manifests.len()), Ok(1));
    file.push(b'\n');
    assert_eq!(refused(&file), (1, Problem::FileTooLarge));
}

#[test]
fn a_file_may_have_a_thousand_documents_and_not_one_more() {
    let file = |count: usize| format!("---\n{TABLE}").repeat(count).into_bytes();
    assert_eq!(read("f", &file(DOCUMENTS)).map(|manifests| manifests.len()), Ok(DOCUMENTS));
    let (line, problem) = refused(&file(DOCUMENTS + 1));
    assert_eq!(problem, Problem::TooManyDocuments);
    assert_eq!(line, 8 * 1000 + 1);
    assert_eq!(refused("---\n".repeat(2_000).as_bytes()).1, Problem::TooManyDocuments);
}

#[test]
fn nesting_is_bounded_in_every_style() {
    let block: String =
        (0..1_000).map(|depth| format!("{}- a:\n", " ".repeat(2 * depth))).collect();
    for text in ["[".repeat(500_000), "{a: ".repeat(200_000), "- ".repeat(400_000), block] {
        let problem = refused(text.as_bytes()).1;
        assert_eq!(problem, Problem::TooDeep, "{:?}", text.get(..20));
    }
}

#[test]
fn values_are_bounded_in_number() {
    assert_eq!(refused("- a\n".repeat(250_000).as_bytes()).1, Problem::TooManyValues);
    assert_eq!(refused(format!("[{}]", "1,".repeat(400_000)).as_bytes()).1, Problem::TooManyValues);
}

#[test]
fn anchors_are_refused_before_they_multiply() {
    let laughs = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b]\n";
    assert_eq!(refused(laughs.as_bytes()), (1, Problem::Alias));
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_line() {
    assert_eq!(refused(b"a: 1\nb: \xff\n"), (2, Problem::NotText));
    assert_eq!(refused(b"\x7fELF\x02\x01\x01\0\0\xf0\n"), (1, Problem::NotText));
    assert!(matches!(refused(b"a\0b"), (1, Problem::Syntax(_) | Problem::NotAnObject(_))));
}

#[test]
fn an_error_stays_short_and_on_one_line_whatever_the_file_says() {
    let key = "k".repeat(300_000);
    for file in [
        format!("{TABLE}{key}: 1\n"),
        format!("{TABLE}\"a\\nb\": 1\n"),
        TABLE.replace("orders", &key),
        TABLE.replace("kind: Table", &format!("kind: {key}")),
    ] {
        let text = read("f", file.as_bytes()).expect_err("it is refused").to_string();
        assert!(text.len() < 2_000 && text.lines().count() == 1, "{}", text.len());
    }
}

/// Pieces of which YAML is made.
fn piece() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "apiVersion: stator.dev/v1alpha1\n",
        "kind: Table\n",
        "metadata: {name: orders}\n",
        "spec:\n",
        "  keySchema:\n",
        "  - {attributeName: pk, keyType: HASH}\n",
        "---\n",
        "...\n",
        "- ",
        "? ",
        ": ",
        "a: ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&a ",
        "*a ",
        "!t ",
        "!!int ",
        "|\n",
        ">-\n",
        "'",
        "\"",
        "\\x",
        "%YAML 1.2\n",
        "#",
        "\n",
        "  ",
        "\t",
        "<<: ",
        "~",
        "1e999",
        "0x",
        "\u{feff}",
        "\r",
    ];
    prop_oneof![
        8 => prop::sample::select(WORDS).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ]
}

/// Whatever comes back names a line of the file.
fn check(bytes: &[u8]) {
    // A carriage return alone ends a line too, and what is missing is missing behind the last one.
    let ends = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    if let Err(error) = read("f", bytes) {
        let line = usize::try_from(error.place.line).expect("a line of a small file");
        assert!((1..=ends + 2).contains(&line), "{error}");
        assert_eq!(error.to_string().lines().count(), 1, "{error:?}");
    }
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes);
    }

    #[test]
    fn no_text_makes_the_reader_panic(pieces in prop::collection::vec(piece(), 0..40)) {
        check(pieces.concat().as_bytes());
    }

    #[test]
    fn a_manifest_with_a_piece_put_in_is_read_or_refused(
        at in 0..TABLE.len(),
        cut in 0..20_usize,
        piece in piece(),
    ) {
        let end = (at + cut).min(TABLE.len());
        check([&TABLE[..at], &piece, &TABLE[end..]].concat().as_bytes());
    }
}
