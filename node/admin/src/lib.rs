//! Tables as manifests describe them: the contract between whoever writes a `Table` object and the
//! node that serves the table.
//!
//! ```text
//! bytes of a file ──► documents, located ──► TableSpec ──validate──► TableDefinition
//! ```
//!
//! A `Table` has the field names of AWS's own DynamoDB controller for Kubernetes (ACK), and only
//! fields that work: whatever else stands in a document is an error that names its line and its path,
//! never ignored. Reading is bounded in bytes, documents, nodes and depth before anything is built
//! from it, and takes no YAML anchors or aliases.
//!
//! [`Document`] is the same reading for a file that is not a manifest.
//!
//! [`TableSpec::validate`] gives the verdicts of CreateTable. Nothing here does I/O, and nothing here
//! knows a server, Kubernetes' API or the catalog.

mod document;
mod error;
mod manifest;
mod metadata;
mod spec;
mod tags;
mod tree;
mod validate;

pub use document::Document;
pub use error::{Error, Place, Problem};
pub use manifest::{API_VERSION, DOCUMENTS, FILE_BYTES, KIND, Manifest, check_unique, read};
pub use metadata::Metadata;
pub use spec::{
    AttributeDefinition, AttributeType, BillingMode, KeyRole, KeySchemaElement, OnDemandThroughput,
    Partitioning, ProvisionedThroughput, TableClass, TableSpec, Tag,
};
pub use validate::{MOST_MIN_PARTITIONS, TableDefinition, Violation};
