//! What was sent and acknowledged, and when: moments are lengths of the trace.

use std::collections::BTreeMap;

use stator_e2e::random::Random;

/// A request. It was sent after the trace had reached one length, and acknowledged before it had
/// reached the other; never, if the process died first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) sent: u64,
    pub(crate) acknowledged: Option<u64>,
}

impl Span {
    fn surely_by(self, cut: u64) -> bool {
        self.acknowledged.is_some_and(|moment| moment <= cut)
    }
}

/// A table of a name that no other table ever had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableLife {
    pub(crate) name: String,
    pub(crate) created: Option<Span>,
    pub(crate) deleted: Option<Span>,
}

/// An item written. Writes to one key come one after the other, with rising numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Put {
    pub(crate) table: String,
    pub(crate) key: String,
    pub(crate) number: u64,
    pub(crate) span: Span,
}

/// All of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) tables: Vec<TableLife>,
    pub(crate) puts: Vec<Put>,
}

/// What may be found of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    There,
    Perhaps,
    Gone,
}

/// What may be found under a key: one of these writes, or nothing if that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub(crate) floor: u64,
    pub(crate) numbers: Vec<u64>,
}

impl TableLife {
    /// What may be found of it if the power failed at this moment.
    pub(crate) fn presence(&self, cut: u64) -> Presence {
        let begun = |span: Option<Span>| span.is_some_and(|span| span.sent <= cut);
        let done = |span: Option<Span>| span.is_some_and(|span| span.surely_by(cut));
        if !begun(self.created) || done(self.deleted) {
            Presence::Gone
        } else if done(self.created) && !begun(self.deleted) {
            Presence::There
        } else {
            Presence::Perhaps
        }
    }
}

impl History {
    /// What may be found under each key that was written to, by table and key, if the power failed at
    /// this moment. No number at all means nothing; a floor of 0 means that nothing may be, too.
    pub(crate) fn allowed(&self, cut: u64) -> BTreeMap<(&str, &str), Allowed> {
        let mut allowed: BTreeMap<_, Allowed> = BTreeMap::new();
        for put in &self.puts {
            let of_key = allowed.entry((put.table.as_str(), put.key.as_str())).or_default();
            if put.span.surely_by(cut) {
                of_key.floor = of_key.floor.max(put.number);
            }
            if put.span.sent <= cut {
                of_key.numbers.push(put.number);
            }
        }
        for of_key in allowed.values_mut() {
            let floor = of_key.floor;
            of_key.numbers.retain(|number| *number >= floor);
        }
        allowed
    }

    /// When the first write was acknowledged.
    pub(crate) fn first_acknowledged(&self) -> u64 {
        let moments = self.puts.iter().filter_map(|put| put.span.acknowledged);
        moments.min().expect("a run acknowledges something")
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.puts.iter().filter(|put| put.span.acknowledged.is_some()).count()
    }

    /// One line for each table and each write.
    pub(crate) fn to_text(&self) -> String {
        let moment = |moment: Option<u64>| moment.map_or("-".to_owned(), |at| at.to_string());
        let span = |span: Option<Span>| {
            let acknowledged = moment(span.and_then(|span| span.acknowledged));
            format!("{} {acknowledged}", moment(span.map(|span| span.sent)))
        };
        let tables = self.tables.iter().map(|table| {
            format!("table {} {} {}\n", table.name, span(table.created), span(table.deleted))
        });
        let puts = self.puts.iter().map(|put| {
            format!("put {} {} {} {}\n", put.table, put.key, put.number, span(Some(put.span)))
        });
        tables.chain(puts).collect()
    }

    pub(crate) fn from_text(text: &str) -> Self {
        let span = |sent: &str, acknowledged: &str| {
            let acknowledged = acknowledged.parse().ok();
            sent.parse().ok().map(|sent| Span { sent, acknowledged })
        };
        let mut history = Self::default();
        for line in text.lines() {
            let mut fields = line.split(' ');
            let mut text = || fields.next().expect("a line has all its fields");
            let (kind, name) = (text(), text().to_owned());
            if kind == "table" {
                let (created, deleted) = (span(text(), text()), span(text(), text()));
                history.tables.push(TableLife { name, created, deleted });
            } else {
                let (key, number) = (text().to_owned(), text().parse().expect("a number"));
                let span = span(text(), text()).expect("it was sent");
                history.puts.push(Put { table: name, key, number, span });
            }
        }
        history
    }
}

/// What a write puts under its key. All of it follows from key and number, and no two are alike, which
/// shows torn and mixed ones.
pub(crate) fn value(key: &str, number: u64) -> String {
    let seed = key
        .bytes()
        .fold(number, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut random = Random::new(seed);
    let longest = match random.below(20) {
        0..=11 => 2_000,
        12..=17 => 30_000,
        _ => 100_000,
    };
    let length = random.index(longest);
    let mut text = format!("{number}:");
    while text.len() < length {
        text.push_str(&format!("{:016x}", random.next()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(number: u64, sent: u64, acknowledged: Option<u64>) -> Put {
        let (table, key) = ("t".to_owned(), "k".to_owned());
        Put { table, key, number, span: Span { sent, acknowledged } }
    }

    fn numbers(history: &History, cut: u64) -> (u64, Vec<u64>) {
        let allowed = history.allowed(cut).remove(&("t", "k")).expect("it was written to");
        (allowed.floor, allowed.numbers)
    }

    #[test]
    fn what_may_be_found_lies_between_the_last_acknowledged_and_the_last_sent() {
        let puts = vec![put(1, 10, Some(20)), put(2, 30, Some(40)), put(3, 50, None)];
        let history = History { tables: Vec::new(), puts };
        assert_eq!(numbers(&history, 9), (0, vec![]));
        assert_eq!(numbers(&history, 15), (0, vec![1]));
        assert_eq!(numbers(&history, 35), (1, vec![1, 2]));
        assert_eq!(numbers(&history, 45), (2, vec![2]));
        assert_eq!(numbers(&history, 99), (2, vec![2, 3]));
    }

    #[test]
    fn a_table_is_there_from_its_acknowledgement_until_its_deletion_is_sent() {
        let span = |sent, acknowledged| Some(Span { sent, acknowledged: Some(acknowledged) });
        let table =
            TableLife { name: "t".to_owned(), created: span(10, 20), deleted: span(30, 40) };
        let expected = [
            (5, Presence::Gone),
            (15, Presence::Perhaps),
            (25, Presence::There),
            (35, Presence::Perhaps),
            (45, Presence::Gone),
        ];
        for (cut, presence) in expected {
            assert_eq!(table.presence(cut), presence, "at {cut}");
        }
    }

    #[test]
    fn a_history_survives_its_text() {
        let created = Some(Span { sent: 1, acknowledged: Some(2) });
        let table = TableLife { name: "t".to_owned(), created, deleted: None };
        let puts = vec![put(1, 10, Some(20)), put(2, 30, None)];
        let history = History { tables: vec![table], puts };
        assert_eq!(History::from_text(&history.to_text()), history);
    }
}
