//! What happened, step by step, for whoever replays a seed.

use std::fmt::Arguments;

/// Collects lines, or nothing: runs by the thousand must not pay for what nobody reads.
#[derive(Debug, Default)]
pub struct Trace {
    lines: Option<Vec<String>>,
}

impl Trace {
    /// Keeps nothing.
    pub const fn silent() -> Self {
        Self { lines: None }
    }

    /// Keeps every line.
    pub const fn kept() -> Self {
        Self { lines: Some(Vec::new()) }
    }

    /// Notes a line.
    pub fn note(&mut self, line: Arguments<'_>) {
        if let Some(lines) = &mut self.lines {
            lines.push(line.to_string());
        }
    }

    /// The lines.
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}
