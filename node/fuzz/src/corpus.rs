//! Inputs that are kept: one text file for each target, an input on each line, so that a change of them
//! can be read. Bytes that are no printable ASCII, and backslashes, are escaped as in a Rust literal.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Target;

/// Bytes that a file has at most.
pub const FILE_BYTES: usize = 48 << 10;

/// Where the inputs of a target are kept.
pub fn path(target: &Target) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    folder.join(target.name).with_extension("txt")
}

/// What is kept of a target; nothing if it has no file.
///
/// # Errors
/// If the file cannot be read, or a line is no input.
pub fn load(target: &Target) -> io::Result<Vec<Vec<u8>>> {
    let text = match fs::read_to_string(path(target)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let input = |(number, line): (usize, &str)| {
        unescape(line).ok_or_else(|| {
            let message = format!("{}: line {} is no input", path(target).display(), number + 1);
            io::Error::new(io::ErrorKind::InvalidData, message)
        })
    };
    text.lines().enumerate().map(input).collect()
}

/// Keeps these inputs, as far as there is room: of all lengths alike. Returns how many.
///
/// # Errors
/// If the file cannot be written.
pub fn save(target: &Target, inputs: Vec<Vec<u8>>) -> io::Result<usize> {
    let chosen = choose(inputs);
    let path = path(target);
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, chosen.concat())?;
    Ok(chosen.len())
}

/// The lines of a file with these inputs. Short ones alone would be those that are refused at once.
fn choose(mut inputs: Vec<Vec<u8>>) -> Vec<String> {
    inputs.sort_by(|left, right| (left.len(), left).cmp(&(right.len(), right)));
    inputs.dedup();
    let lines: Vec<String> = inputs.iter().map(|input| escape(input) + "\n").collect();
    let all: usize = lines.iter().map(String::len).sum();
    let mut room = FILE_BYTES;
    let every = all.div_ceil(FILE_BYTES).max(1);
    let fits = |line: &String| {
        let left = room.checked_sub(line.len());
        room = left.unwrap_or(room);
        left.is_some()
    };
    lines.into_iter().step_by(every).filter(fits).collect()
}

/// An input as it stands on a line.
pub fn escape(input: &[u8]) -> String {
    input.iter().fold(String::new(), |mut line, &byte| {
        match byte {
            b'\\' => line.push_str("\\\\"),
            b' '..=b'~' => line.push(char::from(byte)),
            _ => line.extend(byte.escape_ascii().map(char::from)),
        }
        line
    })
}

/// The input on a line.
pub fn unescape(line: &str) -> Option<Vec<u8>> {
    let mut input = Vec::with_capacity(line.len());
    let mut rest = line.as_bytes();
    while let [byte, after @ ..] = rest {
        (rest, input) = match (byte, after) {
            (b'\\', [b'x', high, low, after @ ..]) => (after, with(input, hex(*high, *low)?)),
            (b'\\', [b'n', after @ ..]) => (after, with(input, b'\n')),
            (b'\\', [b'r', after @ ..]) => (after, with(input, b'\r')),
            (b'\\', [b't', after @ ..]) => (after, with(input, b'\t')),
            (b'\\', [b'\\', after @ ..]) => (after, with(input, b'\\')),
            (b'\\', _) => return None,
            (byte, after) => (after, with(input, *byte)),
        };
    }
    Some(input)
}

fn with(mut input: Vec<u8>, byte: u8) -> Vec<u8> {
    input.push(byte);
    input
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back_from_its_line() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        let line = escape(&all);
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
        assert_eq!(unescape(&line), Some(all));
    }

    #[test]
    fn a_file_has_inputs_of_all_lengths_and_no_more_than_fit() {
        let inputs: Vec<Vec<u8>> = (1..1000).map(|length| vec![b'a'; length]).collect();
        let chosen = choose(inputs);
        let bytes: usize = chosen.iter().map(String::len).sum();
        assert!((FILE_BYTES / 2..=FILE_BYTES).contains(&bytes), "{bytes} bytes");
        assert!(chosen.first().is_some_and(|line| line.len() < 20));
        assert!(chosen.last().is_some_and(|line| line.len() > 900));
        assert_eq!(choose(vec![b"a".to_vec(), b"a".to_vec()]), ["a\n"]);
    }

    #[test]
    fn a_line_with_a_broken_escape_is_no_input() {
        for line in ["\\", "a\\q", "\\x4", "\\xg0"] {
            assert_eq!(unescape(line), None, "{line}");
        }
    }
}
