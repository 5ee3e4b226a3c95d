//! The ledger: the memory that AWS lacks, in one DynamoDB table.
//!
//! It knows who holds a user, which act and which rotation is under way and how to undo it, what is left alone until when, who may break
//! which rule until when, how much of a day's budget is spent, how far a rule's reading came, which policies were
//! reported, who made a credential usable, and what was seen of credentials. [`Ledger`] says what can be done with it;
//! [`table::Table`] is the little that a table must be able to do, which [`dynamo::DynamoTable`] does for real, the only
//! place with the client of DynamoDB.
//!
//! [`rehearsed::RehearsedTable`] is a table over another that is only read: what would be written stays in memory.
//!
//! Everything that is read to decide is read consistently, and every write names the state that it expects. A write
//! whose answer was lost is recognised by reading again: nothing relies on request tokens.
//!
//! | `pk` | `sk` | what |
//! |---|---|---|
//! | `USER#<id>` | `LEASE` | which run may act on the user |
//! | | `WORK#<act>#<credential>` | the last act on a credential: intent, step, evidence, outcome |
//! | | `ROTATION#<credential>` | how far the rotation of an access key came, or how it ended |
//! | | `WAITING#<document>`, and of an undo `#<credential>` | a request that found the user held by another run |
//! | | `HOLD#<credential>` | left alone until |
//! | | `EXCEPTION#<rule>#<credential or *>` | may break the rule until |
//! | | `NOTICE#<document>#<credential or *>#<kind>`, and of an act `#<epoch seconds>` | what is to be told, or was |
//! | | `ANNOUNCEMENT#<credential>` | an act that its owner was told of before it is begun, and who approved it |
//! | | `EXCEPTION-ACT#<execution>` | who asked for a change of an exception, who approved it, and what was before and after |
//! | | `EXCEPTION-TAGS` | the user's tags do not show its exceptions yet |
//! | | `ENROLMENT` | into which secret the user's new keys come, and who fetches them |
//! | | `ENROLMENT-ACT#<execution>` | who asked for a change of it, who approved it, and what was before and after |
//! | | `FAILURE#<document>` | the last failed execution |
//! | `RULE#<rule>` | `PASS`, `GAPS` | how far the rule's reading came, and since when whom could not be read |
//! | | `BACKFILL` | how far the rule's look-up of past events came |
//! | | `REMEDIATION-EXCEPTION#<id>` | since when AWS Config leaves the user out |
//! | `POLICY#<rule>` | `REPORTED#<epoch seconds>#<sha256>` | from when on complete passes reported by which policy |
//! | `BUDGET#<date>` | `act`, `undo` | what is spent of the day's purses |
//! | `SECRET#<arn>` | `ENROLMENT` | whose new keys come into the secret |
//! | `MINT#<token>` | `STEP` | a new key that was asked for, and how far it came |
//! | `PROVENANCE` | `<credential>#<event>` | who made the credential usable, for as long as the table stands |
//! | `OBSERVATION#<kind>` | `<user id>` | what was seen of the user's credentials of the kind |
//! | `INSTALLATION` | `SINCE` | when the account was first looked at |
//! | | `ROLES` | the roles of our own functions, for who reads the ledger from elsewhere |
//!
//! Attributes are strings and numbers; `body` is a JSON document, and `open` with `due` put an item into the index
//! [`table::INDEX`].

pub mod announcement;
pub mod budget;
pub mod due;
pub mod dynamo;
pub mod enrolment;
pub mod exception;
pub mod failure;
pub mod lease;
pub mod ledger;
#[cfg(any(test, feature = "memory"))]
pub mod memory;
pub mod mint;
pub mod notice;
pub mod observation;
pub mod pass;
pub mod provenance;
pub mod record;
pub mod rehearsed;
pub mod reported;
pub mod request;
pub mod rotation;
mod semantics;
pub mod table;
mod waiting;
pub mod work;

pub use ledger::{Ledger, LedgerError};
