//! Members with a fixed set of words.

/// A member whose value is one of a few words.
pub(crate) trait Choice: Copy + 'static {
    /// Word and meaning, in the order in which the service lists them.
    const WORDS: &'static [(&'static str, Self)];

    /// What a word means, if it is one of these.
    fn named(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, meaning)| *meaning)
    }
}

/// `ReturnConsumedCapacity`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReturnConsumedCapacity {
    /// The total, and what each table and index took.
    Indexes,
    /// The total.
    Total,
    /// Nothing.
    #[default]
    None,
}

impl Choice for ReturnConsumedCapacity {
    const WORDS: &'static [(&'static str, Self)] =
        &[("INDEXES", Self::Indexes), ("TOTAL", Self::Total), ("NONE", Self::None)];
}

/// `ReturnValues`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReturnValues {
    AllNew,
    UpdatedOld,
    AllOld,
    #[default]
    None,
    UpdatedNew,
}

impl Choice for ReturnValues {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("ALL_NEW", Self::AllNew),
        ("UPDATED_OLD", Self::UpdatedOld),
        ("ALL_OLD", Self::AllOld),
        ("NONE", Self::None),
        ("UPDATED_NEW", Self::UpdatedNew),
    ];
}

/// `ReturnValues` of DeleteItem, whose model knows no other words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReturnOld {
    AllOld,
    #[default]
    None,
}

impl Choice for ReturnOld {
    const WORDS: &'static [(&'static str, Self)] =
        &[("ALL_OLD", Self::AllOld), ("NONE", Self::None)];
}

/// `Select`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Select {
    SpecificAttributes,
    Count,
    AllAttributes,
    AllProjectedAttributes,
}

impl Choice for Select {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("SPECIFIC_ATTRIBUTES", Self::SpecificAttributes),
        ("COUNT", Self::Count),
        ("ALL_ATTRIBUTES", Self::AllAttributes),
        ("ALL_PROJECTED_ATTRIBUTES", Self::AllProjectedAttributes),
    ];
}

/// `ComparisonOperator` of the legacy conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ComparisonOperator {
    In,
    Null,
    Between,
    Lt,
    NotContains,
    Eq,
    Gt,
    NotNull,
    Ne,
    Le,
    BeginsWith,
    Ge,
    Contains,
}

impl Choice for ComparisonOperator {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("IN", Self::In),
        ("NULL", Self::Null),
        ("BETWEEN", Self::Between),
        ("LT", Self::Lt),
        ("NOT_CONTAINS", Self::NotContains),
        ("EQ", Self::Eq),
        ("GT", Self::Gt),
        ("NOT_NULL", Self::NotNull),
        ("NE", Self::Ne),
        ("LE", Self::Le),
        ("BEGINS_WITH", Self::BeginsWith),
        ("GE", Self::Ge),
        ("CONTAINS", Self::Contains),
    ];
}

impl ComparisonOperator {
    /// The word on the wire.
    pub(crate) fn name(self) -> &'static str {
        let word = Self::WORDS.iter().find(|(_, operator)| *operator == self);
        word.map_or("", |(word, _)| *word)
    }
}

/// `ReturnItemCollectionMetrics`. SIZE has something to say only of tables with local indexes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReturnItemCollectionMetrics {
    Size,
    #[default]
    None,
}

impl Choice for ReturnItemCollectionMetrics {
    const WORDS: &'static [(&'static str, Self)] = &[("SIZE", Self::Size), ("NONE", Self::None)];
}

/// `ReturnValuesOnConditionCheckFailure`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ReturnValuesOnConditionCheckFailure {
    AllOld,
    None,
}

impl Choice for ReturnValuesOnConditionCheckFailure {
    const WORDS: &'static [(&'static str, Self)] =
        &[("ALL_OLD", Self::AllOld), ("NONE", Self::None)];
}

/// `BillingMode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BillingMode {
    #[default]
    Provisioned,
    PayPerRequest,
}

impl Choice for BillingMode {
    const WORDS: &'static [(&'static str, Self)] =
        &[("PROVISIONED", Self::Provisioned), ("PAY_PER_REQUEST", Self::PayPerRequest)];
}

/// `TableClass`.
impl Choice for stator_model::TableClass {
    const WORDS: &'static [(&'static str, Self)] =
        &[("STANDARD", Self::Standard), ("STANDARD_INFREQUENT_ACCESS", Self::InfrequentAccess)];
}

/// `ProjectionType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProjectionType {
    All,
    Include,
    KeysOnly,
}

impl Choice for ProjectionType {
    const WORDS: &'static [(&'static str, Self)] =
        &[("ALL", Self::All), ("INCLUDE", Self::Include), ("KEYS_ONLY", Self::KeysOnly)];
}

impl ProjectionType {
    /// The word on the wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::All => "ALL",
            Self::Include => "INCLUDE",
            Self::KeysOnly => "KEYS_ONLY",
        }
    }
}

/// `KeyType`: the part that an attribute has in a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyRole {
    Hash,
    Range,
}

impl Choice for KeyRole {
    const WORDS: &'static [(&'static str, Self)] = &[("HASH", Self::Hash), ("RANGE", Self::Range)];
}

/// `AttributeType`.
impl Choice for stator_model::KeyType {
    const WORDS: &'static [(&'static str, Self)] =
        &[("B", Self::B), ("N", Self::N), ("S", Self::S)];
}
