//! Getting a report that is fresh enough.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use credwarden_credential::age::is_in_the_future;
use jiff::{SignedDuration, Timestamp};

use crate::read::{ReadError, ReadIam, ReportAnswer, ReportState};
use crate::report::{NotAReport, Report};

/// A report older than this is made anew. IAM makes at most one in 4 hours (`GenerateCredentialReport`), so that a
/// younger one cannot be had; the quarter of an hour keeps clocks that differ from asking in vain.
pub const MAX_REPORT_AGE: SignedDuration = SignedDuration::from_mins(4 * 60 + 15);

/// Between two looks at a report in the making: it takes seconds in small accounts and minutes in large ones.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Why there is no report to work with.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A call failed.
    #[error("failed to get the credential report")]
    Read(#[from] ReadError),
    /// What IAM gave is no report.
    #[error("failed to read the credential report")]
    NotAReport(#[from] NotAReport),
    /// IAM did not give one within the time allowed.
    #[error("failed to get a credential report in time: {0}; it is tried again in the next run")]
    NotReady(NotReady),
    /// One of the two clocks is wrong, so that no age can be told.
    #[error("the credential report was made at {made}, which lies in the future; check the clock")]
    FromTheFuture {
        /// When IAM says that it was made.
        made: Timestamp,
    },
}

/// What IAM said last instead of giving a fresh report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// It is making one.
    #[error("IAM is still making it")]
    InProgress,
    /// It has none, although it was asked for one.
    #[error("IAM has none")]
    Missing,
    /// It keeps giving an old one.
    #[error("IAM still gives the one of {made}")]
    Stale {
        /// When that was made.
        made: Timestamp,
    },
}

/// A report not older than [`MAX_REPORT_AGE`] and when it was made, waiting for up to `patience` while IAM makes it.
pub async fn fresh_report<R: ReadIam>(
    reader: &R,
    now: Timestamp,
    patience: Duration,
) -> Result<(Report, Timestamp), ReportError> {
    let waits = ExponentialBuilder::default()
        .with_min_delay(FIRST_WAIT)
        .with_max_delay(LONGEST_WAIT)
        .with_total_delay(Some(patience))
        .without_max_times()
        .with_jitter();
    let (content, made) = (|| get_or_ask(reader, now))
        .retry(waits)
        .when(|error| matches!(error, ReportError::NotReady(_)))
        .notify(|error, wait| tracing::debug!("waiting {wait:?} for the credential report: {error}"))
        .await?;
    Ok((Report::parse(&content)?, made))
}

/// The present report if it is fresh; otherwise asks for a new one, and looks whether it is there already.
async fn get_or_ask<R: ReadIam>(reader: &R, now: Timestamp) -> Result<(Vec<u8>, Timestamp), ReportError> {
    match get(reader, now).await? {
        Ok(report) => return Ok(report),
        Err(NotReady::InProgress) => return Err(ReportError::NotReady(NotReady::InProgress)),
        Err(NotReady::Missing | NotReady::Stale { .. }) => {}
    }
    match reader.generate_credential_report().await? {
        ReportState::Complete => get(reader, now).await?.map_err(ReportError::NotReady),
        ReportState::Started | ReportState::InProgress => Err(ReportError::NotReady(NotReady::InProgress)),
    }
}

async fn get<R: ReadIam>(reader: &R, now: Timestamp) -> Result<Result<(Vec<u8>, Timestamp), NotReady>, ReportError> {
    Ok(match reader.get_credential_report().await? {
        ReportAnswer::Made { made, .. } if is_in_the_future(made, now) => {
            return Err(ReportError::FromTheFuture { made });
        }
        ReportAnswer::Made { made, .. } if now.duration_since(made) > MAX_REPORT_AGE => Err(NotReady::Stale { made }),
        ReportAnswer::Made { content, made } => Ok((content, made)),
        ReportAnswer::NotPresent | ReportAnswer::Expired => Err(NotReady::Missing),
        ReportAnswer::InProgress => Err(NotReady::InProgress),
    })
}
