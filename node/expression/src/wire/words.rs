//! The words of a program, one after the other, and the paths among them.

use std::sync::Arc;

use stator_model::AttributeValue;

use super::{Error, Problem, Program, Reader, Writer};
use crate::{Path, Step, limits};

/// Writes a program.
pub(super) struct WordsOut<'w, 'e> {
    writer: &'w mut Writer<'e>,
    words: Vec<u32>,
}

impl<'w, 'e> WordsOut<'w, 'e> {
    pub(super) fn new(writer: &'w mut Writer<'e>) -> Self {
        Self { writer, words: Vec::new() }
    }

    pub(super) fn word(&mut self, word: u32) {
        self.words.push(word);
    }

    pub(super) fn count(&mut self, count: usize) {
        self.word(u32::try_from(count).expect("no expression has 4 billion parts"));
    }

    pub(super) fn value(&mut self, value: &'e Arc<AttributeValue>) {
        let number = self.writer.value(value);
        self.word(number);
    }

    pub(super) fn path(&mut self, path: &'e Path) {
        let head = self.writer.name(&path.head);
        self.word(head);
        self.count(path.rest.len());
        for step in &path.rest {
            let word = match step {
                Step::Name(name) => self.writer.name(name) << 1,
                Step::Index(index) => (index << 1) | 1,
            };
            self.word(word);
        }
    }

    pub(super) fn finish(self) -> Program {
        Program { words: self.words }
    }
}

/// Reads a program.
pub(super) struct WordsIn<'r> {
    expression: &'static str,
    reader: &'r Reader,
    words: &'r [u32],
    at: usize,
}

impl<'r> WordsIn<'r> {
    pub(super) const fn new(
        expression: &'static str,
        reader: &'r Reader,
        program: &'r Program,
    ) -> Self {
        Self { expression, reader, words: program.words.as_slice(), at: 0 }
    }

    /// An error about the word that was read last.
    pub(super) const fn error(&self, problem: Problem) -> Error {
        Error::Program { expression: self.expression, at: self.at.saturating_sub(1), problem }
    }

    /// The next operation; `None` at the end.
    pub(super) fn operation(&mut self) -> Option<u32> {
        let word = self.words.get(self.at).copied();
        self.at += usize::from(word.is_some());
        word
    }

    /// A word that belongs to the operation.
    pub(super) fn word(&mut self) -> Result<u32, Error> {
        self.operation().ok_or_else(|| self.error(Problem::CutShort))
    }

    /// A number of things of which each takes up a word at least.
    pub(super) fn count(&mut self) -> Result<usize, Error> {
        let count = self.word()?;
        let all = self.words.len();
        usize::try_from(count)
            .ok()
            .filter(|count| *count <= all)
            .ok_or_else(|| self.error(Problem::Missing))
    }

    /// One of these, by its place.
    pub(super) fn choice<T: Copy>(&mut self, among: &[T]) -> Result<T, Error> {
        let number = self.word()?;
        let chosen = usize::try_from(number).ok().and_then(|at| among.get(at).copied());
        chosen.ok_or_else(|| self.error(Problem::Number(number)))
    }

    pub(super) fn value(&mut self) -> Result<Arc<AttributeValue>, Error> {
        let number = self.word()?;
        let value = self.reader.value(number).map(Arc::clone);
        value.ok_or_else(|| self.error(Problem::Number(number)))
    }

    pub(super) fn path(&mut self) -> Result<Path, Error> {
        let number = self.word()?;
        let head = self.name(number)?;
        let steps = self.count()?;
        if steps >= limits::PATH_ELEMENTS {
            return Err(self.error(Problem::LongPath));
        }
        let rest = (0..steps).map(|_| self.step()).collect::<Result<_, _>>()?;
        Ok(Path { head, rest })
    }

    fn step(&mut self) -> Result<Step, Error> {
        let word = self.word()?;
        match word & 1 {
            0 => self.name(word >> 1).map(Step::Name),
            // What is left are 31 bits: no index is larger.
            _ => Ok(Step::Index(word >> 1)),
        }
    }

    fn name(&self, number: u32) -> Result<Arc<str>, Error> {
        let name = self.reader.name(number).map(Arc::clone);
        name.ok_or_else(|| self.error(Problem::Number(number)))
    }
}
