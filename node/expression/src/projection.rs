//! Which parts of an item a read returns.

use stator_model::Item;

use crate::path_tree::PathTree;
use crate::token::{Cursor, TokenKind};
use crate::{ExpressionError, Fault, Kind, Path, Placeholders};

/// A projection ("Using projection expressions in DynamoDB", developer guide), of an expression or of
/// the older parameter AttributesToGet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection(PathTree);

impl Projection {
    /// Reads `path {, path}`.
    ///
    /// # Errors
    /// If the text is empty or too long or not of the grammar; then if a bare name is a reserved word,
    /// then if a placeholder is not defined, then if paths overlap, then if they conflict.
    pub fn parse(text: &str, placeholders: &mut Placeholders) -> Result<Self, ExpressionError> {
        let mut cursor = Cursor::new(Kind::Projection, text)?;
        let tree = read(&mut cursor, placeholders).map_err(|fault| fault.of(Kind::Projection))?;
        Ok(Self(tree))
    }

    /// The projection of AttributesToGet: names of attributes, dots and brackets meaning themselves.
    pub fn of_attributes<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self(PathTree::of_attributes(names))
    }

    /// The attributes of which something may be returned, ordered, so that no others are read.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.names().iter().map(|(name, _)| &**name)
    }

    /// The attributes of which only something inside may be returned, which can be no keys.
    pub fn nested_attributes(&self) -> Vec<&str> {
        self.0.nested_names().collect()
    }

    /// What the projection leaves of an item.
    ///
    /// The structure of the item is kept around what is named: elements of one map or list stand in
    /// one map or list, those of a list in their order without gaps. What the item does not have is
    /// left out, with the maps and lists that would be empty. Keys are returned only if named.
    pub fn project(&self, item: &Item) -> Item {
        self.0.project(item)
    }
}

fn read(cursor: &mut Cursor<'_>, placeholders: &mut Placeholders) -> Result<PathTree, Fault> {
    let mut raw = vec![cursor.path()?];
    while cursor.eat(TokenKind::Comma) {
        raw.push(cursor.path()?);
    }
    cursor.expect_end()?;
    raw.iter().try_for_each(|path| path.check_reserved())?;
    let paths: Vec<Path> =
        raw.iter().map(|path| path.resolve(placeholders)).collect::<Result<_, _>>()?;
    PathTree::new(&paths.iter().collect::<Vec<_>>())
}
