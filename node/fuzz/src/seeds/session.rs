//! What the session files of the other crates have in common.

/// Texts that come more often than this are too long to be a seed.
const MOST: usize = 4096;

/// Writes out every `<text*count>`. Any other `<` stands for itself.
pub fn expand(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        let repeated = repetition(after);
        out.push_str(repeated.as_ref().map_or("<", |(repeated, _)| repeated));
        rest = repeated.map_or(after, |(_, after)| after);
    }
    out + rest
}

/// What `text*count>` at the beginning stands for, and what follows it.
fn repetition(after: &str) -> Option<(String, &str)> {
    let (inside, after) = after.split_once('>')?;
    let (text, count) = inside.rsplit_once('*')?;
    let count: usize = count.parse().ok()?;
    Some((text.repeat(count.min(MOST)), after))
}
