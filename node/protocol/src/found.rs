//! Kinds of JSON values, and what the service says to one that it did not expect.

/// The kind of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// `null`.
    Null,
    /// `true`.
    True,
    /// `false`.
    False,
    /// A number without fraction and exponent.
    Integer,
    /// Any other number.
    Decimal,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl Found {
    /// What a scalar says to a JSON value of this kind; `java` is the name of the type it stands for.
    pub fn instead_of_scalar(self, java: &str) -> String {
        let token = match self {
            Self::Null => "NULL_VALUE",
            Self::True => "TRUE_VALUE",
            Self::False => "FALSE_VALUE",
            Self::Integer => "NUMBER_VALUE",
            Self::Decimal => "DECIMAL_VALUE",
            Self::String => "STRING_VALUE",
            Self::Array => return format!("Unrecognized collection type class java.lang.{java}"),
            Self::Object => return Self::UNEXPECTED_OBJECT.to_owned(),
        };
        format!("{token} cannot be converted to {java}")
    }

    /// What a structure says, as an element of a list or map.
    pub fn instead_of_element(self, name: &str) -> String {
        self.instead_of_structure(name, "Unexpected value type in payload")
    }

    /// What a structure says, as a member of another.
    pub fn instead_of_member(self, name: &str) -> String {
        self.instead_of_structure(name, "Unexpected field type")
    }

    fn instead_of_structure(self, name: &str, scalar: &str) -> String {
        match self {
            Self::Array => {
                format!(
                    "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.{name}"
                )
            }
            Self::Object => Self::UNEXPECTED_OBJECT.to_owned(),
            Self::Null
            | Self::True
            | Self::False
            | Self::Integer
            | Self::Decimal
            | Self::String => scalar.to_owned(),
        }
    }

    /// What a list says.
    pub fn instead_of_list(self) -> String {
        match self {
            Self::Object => Self::UNEXPECTED_OBJECT.to_owned(),
            Self::Null
            | Self::True
            | Self::False
            | Self::Integer
            | Self::Decimal
            | Self::String
            | Self::Array => "Unexpected field type".to_owned(),
        }
    }

    /// What a map says; `element` is the full name of what it holds.
    pub fn instead_of_map(self, element: &str) -> String {
        match self {
            Self::Array => {
                format!("Unrecognized collection type java.util.Map<java.lang.String, {element}>")
            }
            Self::Null
            | Self::True
            | Self::False
            | Self::Integer
            | Self::Decimal
            | Self::String
            | Self::Object => "Unexpected field type".to_owned(),
        }
    }

    const UNEXPECTED_OBJECT: &'static str = "Start of structure or map found where not expected";
}
