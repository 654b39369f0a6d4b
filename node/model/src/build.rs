//! Building an item from what a visitor is shown.

use bytes::Bytes;

use crate::{AttributeMap, AttributeValue, Item, ItemView, Number, ValueVisitor};

/// The item that this view shows, decoded: a copy of all of it.
pub fn to_item(view: &dyn ItemView) -> Item {
    let mut builder = Builder::default();
    view.visit(&mut builder);
    builder.finish()
}

/// Those attributes of the item that this view shows whose names are wanted, decoded.
pub fn to_item_of(view: &dyn ItemView, wanted: &dyn Fn(&str) -> bool) -> Item {
    let mut selector = Selector { builder: Builder::default(), wanted, depth: 0, selected: false };
    view.visit(&mut selector);
    selector.builder.finish()
}

/// The value that `show` shows: one and no more.
pub(crate) fn to_value<E>(
    show: impl FnOnce(&mut dyn ValueVisitor) -> Result<(), E>,
) -> Result<AttributeValue, E> {
    let mut builder = Builder { open: vec![Open::List(Vec::new())], names: Vec::new() };
    show(&mut builder)?;
    match builder.open.pop() {
        Some(Open::List(mut list)) => Ok(list.pop().expect("one value is shown")),
        _ => unreachable!("the list is at the bottom of the stack"),
    }
}

/// A list or map that is not complete, or the item itself.
enum Open {
    Map(Vec<(String, AttributeValue)>),
    List(Vec<AttributeValue>),
    Strings(Vec<String>),
    Numbers(Vec<Number>),
    Binaries(Vec<Bytes>),
}

/// Collects an item. Is shown a well-formed one only: names before values, every container ended.
struct Builder {
    /// The item at the bottom, then the containers that are open, the innermost last.
    open: Vec<Open>,
    /// The names whose values are not complete, one for each open map.
    names: Vec<String>,
}

impl Default for Builder {
    fn default() -> Self {
        Self { open: vec![Open::Map(Vec::new())], names: Vec::new() }
    }
}

impl Builder {
    /// The item.
    fn finish(mut self) -> Item {
        match self.open.pop() {
            Some(Open::Map(pairs)) => map(pairs),
            _ => unreachable!("the item is at the bottom of the stack"),
        }
    }

    fn put(&mut self, value: AttributeValue) {
        match self.open.last_mut() {
            Some(Open::Map(pairs)) => {
                pairs.push((self.names.pop().expect("a name precedes its value"), value));
            }
            Some(Open::List(list)) => list.push(value),
            _ => unreachable!("a value stands in a map or list"),
        }
    }
}

fn map(pairs: Vec<(String, AttributeValue)>) -> AttributeMap {
    AttributeMap::from_pairs(pairs).expect("a map has each name once")
}

impl ValueVisitor for Builder {
    fn name(&mut self, name: &str) {
        self.names.push(name.to_owned());
    }

    fn string(&mut self, text: &str) {
        self.put(AttributeValue::S(text.to_owned()));
    }

    fn number(&mut self, number: &Number) {
        self.put(AttributeValue::N(*number));
    }

    fn binary(&mut self, bytes: &[u8]) {
        self.put(AttributeValue::B(Bytes::copy_from_slice(bytes)));
    }

    fn boolean(&mut self, flag: bool) {
        self.put(AttributeValue::Bool(flag));
    }

    fn null(&mut self) {
        self.put(AttributeValue::Null);
    }

    fn begin_string_set(&mut self) {
        self.open.push(Open::Strings(Vec::new()));
    }

    fn begin_number_set(&mut self) {
        self.open.push(Open::Numbers(Vec::new()));
    }

    fn begin_binary_set(&mut self) {
        self.open.push(Open::Binaries(Vec::new()));
    }

    fn element_string(&mut self, text: &str) {
        if let Some(Open::Strings(set)) = self.open.last_mut() {
            set.push(text.to_owned());
        }
    }

    fn element_number(&mut self, number: &Number) {
        if let Some(Open::Numbers(set)) = self.open.last_mut() {
            set.push(*number);
        }
    }

    fn element_binary(&mut self, bytes: &[u8]) {
        if let Some(Open::Binaries(set)) = self.open.last_mut() {
            set.push(Bytes::copy_from_slice(bytes));
        }
    }

    fn begin_list(&mut self) {
        self.open.push(Open::List(Vec::new()));
    }

    fn begin_map(&mut self) {
        self.open.push(Open::Map(Vec::new()));
    }

    fn end(&mut self) {
        let complete = match self.open.pop().expect("every end has a beginning") {
            Open::Map(pairs) => AttributeValue::M(map(pairs)),
            Open::List(list) => AttributeValue::L(list),
            Open::Strings(set) => AttributeValue::Ss(set),
            Open::Numbers(set) => AttributeValue::Ns(set),
            Open::Binaries(set) => AttributeValue::Bs(set),
        };
        self.put(complete);
    }
}

/// Shows a builder only the attributes that are wanted, with all that they hold.
struct Selector<'a> {
    builder: Builder,
    wanted: &'a dyn Fn(&str) -> bool,
    /// Containers that are open.
    depth: usize,
    /// Whether the attribute that is shown is wanted.
    selected: bool,
}

impl Selector<'_> {
    fn show(&mut self, piece: impl FnOnce(&mut Builder)) {
        if self.selected {
            piece(&mut self.builder);
        }
    }

    fn begin(&mut self, container: impl FnOnce(&mut Builder)) {
        self.depth += 1;
        self.show(container);
    }
}

impl ValueVisitor for Selector<'_> {
    fn name(&mut self, name: &str) {
        if self.depth == 0 {
            self.selected = (self.wanted)(name);
        }
        self.show(|builder| builder.name(name));
    }

    fn string(&mut self, text: &str) {
        self.show(|builder| builder.string(text));
    }

    fn number(&mut self, number: &Number) {
        self.show(|builder| builder.number(number));
    }

    fn binary(&mut self, bytes: &[u8]) {
        self.show(|builder| builder.binary(bytes));
    }

    fn boolean(&mut self, flag: bool) {
        self.show(|builder| builder.boolean(flag));
    }

    fn null(&mut self) {
        self.show(ValueVisitor::null);
    }

    fn begin_string_set(&mut self) {
        self.begin(ValueVisitor::begin_string_set);
    }

    fn begin_number_set(&mut self) {
        self.begin(ValueVisitor::begin_number_set);
    }

    fn begin_binary_set(&mut self) {
        self.begin(ValueVisitor::begin_binary_set);
    }

    fn element_string(&mut self, text: &str) {
        self.show(|builder| builder.element_string(text));
    }

    fn element_number(&mut self, number: &Number) {
        self.show(|builder| builder.element_number(number));
    }

    fn element_binary(&mut self, bytes: &[u8]) {
        self.show(|builder| builder.element_binary(bytes));
    }

    fn begin_list(&mut self) {
        self.begin(ValueVisitor::begin_list);
    }

    fn begin_map(&mut self) {
        self.begin(ValueVisitor::begin_map);
    }

    fn end(&mut self) {
        self.depth -= 1;
        self.show(ValueVisitor::end);
    }
}
