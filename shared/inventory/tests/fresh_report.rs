//! Getting a credential report: IAM has none, makes one, keeps an old one, or none in time.

#[cfg(test)]
mod fresh_report {
    use std::time::Duration;

    use credwarden_estate::estate::{Estate, age_days, age_hours, age_seconds};
    use credwarden_estate::fake::{Action, FakeIam};
    use credwarden_estate::fault::Failing;
    use credwarden_inventory::read::{Failure, ReadIam};
    use credwarden_inventory::report::{MAX_REPORT_AGE, NotReady, Report, ReportError, fresh_report};
    use jiff::{SignedDuration, Timestamp};

    const PATIENCE: Duration = Duration::from_secs(200);

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn estate() -> Estate {
        Estate::new(now()).user("alice").key(age_days(10))
    }

    fn made_ago(age: SignedDuration) -> FakeIam {
        FakeIam::new(estate()).with_report_of(&Estate::new(now() - age))
    }

    async fn get<R: ReadIam>(reader: &R) -> Result<(Report, Timestamp), ReportError> {
        fresh_report(reader, now(), PATIENCE).await
    }

    /// The report is one of now, because a new one was made.
    async fn is_made_anew(iam: FakeIam) {
        let (report, made) = get(&iam).await.unwrap();
        assert_eq!(made, now());
        assert_eq!(report.rows.len(), 1);
        assert_eq!(iam.calls_of(Action::GenerateCredentialReport).len(), 1, "asked for once");
    }

    #[tokio::test]
    async fn a_report_of_the_last_four_hours_is_taken_as_it_is() {
        let iam = made_ago(age_hours(4));
        let (report, made) = get(&iam).await.unwrap();
        assert_eq!((report, made), (Report::default(), now() - age_hours(4)));
        assert_eq!(iam.calls().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_past_its_age_is_made_anew() {
        is_made_anew(made_ago(MAX_REPORT_AGE + age_seconds(1))).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_that_was_never_made_is_made() {
        is_made_anew(FakeIam::new(estate()).without_report()).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_that_iam_no_longer_gives_out_is_made_anew() {
        is_made_anew(FakeIam::new(estate()).with_expired_report()).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_in_the_making_is_waited_for() {
        is_made_anew(FakeIam::new(estate()).without_report().report_takes(Some(7))).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_that_is_never_finished_is_waited_for_only_as_long_as_allowed() {
        let iam = FakeIam::new(estate()).without_report().report_takes(None);
        let began = tokio::time::Instant::now();
        let error = get(&iam).await.unwrap_err();
        assert!(matches!(error, ReportError::NotReady(NotReady::InProgress)), "{error}");
        assert!(began.elapsed() <= PATIENCE);
        assert!(iam.calls().len() < 100, "{} calls", iam.calls().len());
    }

    #[tokio::test]
    async fn a_report_of_the_future_is_not_believed() {
        let error = get(&made_ago(age_seconds(-301))).await.unwrap_err();
        assert!(matches!(error, ReportError::FromTheFuture { .. }), "{error}");
        assert!(get(&made_ago(age_seconds(-300))).await.is_ok(), "clocks differ by minutes");
    }

    #[tokio::test]
    async fn a_denied_report_is_an_error_at_once() {
        for action in [Action::GetCredentialReport, Action::GenerateCredentialReport] {
            let iam = FakeIam::new(estate()).without_report();
            let error = get(&Failing::new(iam).fail(action, "", Failure::Denied)).await.unwrap_err();
            assert!(matches!(error, ReportError::Read(error) if error.failure == Failure::Denied));
        }
    }

    #[tokio::test]
    async fn content_that_is_no_report_is_an_error_that_shows_it() {
        let iam = FakeIam::new(estate()).with_report("<html>sorry</html>", now());
        let ReportError::NotAReport(error) = get(&iam).await.unwrap_err() else { panic!("it is no report") };
        assert_eq!(
            error.to_string(),
            "the credential report has no column `user`; it begins with `<html>sorry</html>`"
        );
    }
}
