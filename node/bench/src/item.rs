//! The items that are written and read: about 1 KB each, all different, all known from their number.
//!
//! The text does not compress, so that bytes on disk and in memory are honest. It is drawn from the
//! item's number, so that a reply is checked against what was written without keeping it.

/// How long the text of an item is.
const TEXT_BYTES: usize = 925;
/// What an item counts by the service's rule (names and values, "Item sizes and formats", developer
/// guide). Every item here has the same size, and a test computes it.
pub const ITEM_BYTES: u64 = 1_000;

/// The number `visits` of a new item.
pub const VISITS: u64 = 1_815;

/// The alphabet of texts: 64 signs that JSON leaves as they are.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Appends the partition key of item `number`, as a JSON member.
pub fn put_key(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"pk\":{\"S\":\"");
    put_name(number, out);
    out.extend_from_slice(b"\"}");
}

/// Appends all members of item `number`, without the braces. `turn` makes another item of the same key.
pub fn put_members(number: u64, turn: u64, out: &mut Vec<u8>) {
    put_key(number, out);
    let visits = format!(",\"name\":{{\"S\":\"Ada Lovelace\"}},\"visits\":{{\"N\":\"{VISITS}\"}}");
    out.extend_from_slice(visits.as_bytes());
    out.extend_from_slice(
        b",\"active\":{\"BOOL\":true},\"tags\":{\"L\":[{\"S\":\"engine\"},{\"S\":\"notes\"}]}",
    );
    out.extend_from_slice(b",\"text\":{\"S\":\"");
    put_text(number, turn, out);
    out.extend_from_slice(b"\"}");
}

/// Whether `body` holds item `number` as [`put_members`] made it: its key and its text.
pub fn is_in(number: u64, turn: u64, body: &[u8], scratch: &mut Vec<u8>) -> bool {
    scratch.clear();
    put_name(number, scratch);
    let key = scratch.len();
    put_text(number, turn, scratch);
    let Some((key, text)) = scratch.split_at_checked(key) else { return false };
    holds(body, key) && holds(body, text)
}

fn holds(body: &[u8], part: &[u8]) -> bool {
    match (std::str::from_utf8(body), std::str::from_utf8(part)) {
        (Ok(body), Ok(part)) => body.contains(part),
        _ => false,
    }
}

fn put_name(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("user-{number:012}").as_bytes());
}

fn put_text(number: u64, turn: u64, out: &mut Vec<u8>) {
    let mut random = fastrand::Rng::with_seed(number.wrapping_mul(0x9e37_79b9).wrapping_add(turn));
    let end = out.len() + TEXT_BYTES;
    while out.len() < end {
        let mut bits = random.u64(..);
        for _ in 0..8.min(end - out.len()) {
            let sign = usize::try_from(bits & 63).unwrap_or(0);
            out.push(ALPHABET.get(sign).copied().unwrap_or(b'A'));
            bits >>= 6;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size by the service's rule, for the kinds of attributes that are used here.
    fn size(value: &serde_json::Value) -> u64 {
        let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
        match kind.as_str() {
            "S" => value.as_str().unwrap().len() as u64,
            "N" => value.as_str().unwrap().len().div_ceil(2) as u64 + 1,
            "BOOL" => 1,
            "L" => 3 + value.as_array().unwrap().iter().map(|one| 1 + size(one)).sum::<u64>(),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn every_item_is_json_of_the_size_that_is_told() {
        for (number, turn) in [(0, 0), (7, 1), (999_999_999_999, u64::MAX)] {
            let mut members = vec![b'{'];
            put_members(number, turn, &mut members);
            members.push(b'}');
            let item: serde_json::Value = serde_json::from_slice(&members).unwrap();
            let attributes = item.as_object().unwrap();
            let bytes: u64 =
                attributes.iter().map(|(name, value)| name.len() as u64 + size(value)).sum();
            assert_eq!(bytes, ITEM_BYTES);
            assert!(is_in(number, turn, &members, &mut Vec::new()));
            assert!(!is_in(number, turn.wrapping_add(1), &members, &mut Vec::new()));
            assert!(!is_in(number ^ 1, turn, &members, &mut Vec::new()));
        }
    }
}
