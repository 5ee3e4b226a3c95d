use credwarden_config_rule::{
    Compliance::{Compliant, NonCompliant, NotApplicable},
    EvaluationError, Judgement, Resource,
};

use crate::{
    memory::Memory,
    scripted::{Scripted, USER, chain, compliant, invoke, non_compliant, now, user, users},
};

fn stored(ids: &[&str]) -> Memory {
    let service = Memory::default();
    for id in ids {
        service.store(user(*id), Compliant, "", now());
    }
    service
}

#[tokio::test]
async fn a_complete_pass_takes_back_what_is_gone() {
    let service = stored(&["AIDA1", "GONE"]);
    let rule = Scripted::complete([(user("AIDA1"), compliant(""))]);
    let report = invoke(&rule, &service).await.unwrap();
    assert_eq!(service.take_sent(), [("GONE".into(), NotApplicable)]);
    assert_eq!(service.stored_ids(), ["AIDA1"]);
    assert_eq!((report.sent, report.taken_back, report.complete), (1, 1, true));
}

#[tokio::test]
async fn a_partial_pass_reports_what_it_judged_and_takes_nothing_back() {
    let service = stored(&["AIDA1", "GONE"]);
    let rule = Scripted::partial([(user("AIDA1"), non_compliant("why"))]);
    let report = invoke(&rule, &service).await.unwrap();
    assert_eq!(service.take_sent(), [("AIDA1".into(), NonCompliant)]);
    assert_eq!(service.stored_ids(), ["AIDA1", "GONE"]);
    assert!(!report.complete);
}

#[tokio::test]
async fn the_last_part_of_a_pass_keeps_what_earlier_parts_judged_and_takes_back_the_rest() {
    let service = stored(&["AIDA1", "AIDA2", "GONE"]);
    invoke(&Scripted::partial([(user("AIDA1"), non_compliant("why"))]), &service).await.unwrap();
    service.take_sent();
    let last = Scripted::complete([(user("AIDA1"), Judgement::JudgedEarlier), (user("AIDA2"), compliant(""))]);
    invoke(&last, &service).await.unwrap();
    assert_eq!(service.take_sent(), [("GONE".into(), NotApplicable)]);
    assert_eq!(service.stored_ids(), ["AIDA1", "AIDA2"]);
}

#[tokio::test]
async fn an_unknown_resource_keeps_its_result_and_hides_no_other() {
    let service = stored(&["AIDA1", "AIDA2"]);
    let rule = Scripted::complete([(user("AIDA1"), Judgement::Unknown), (user("AIDA2"), non_compliant("why"))]);
    let report = invoke(&rule, &service).await.unwrap();
    assert_eq!(service.take_sent(), [("AIDA2".into(), NonCompliant)]);
    assert_eq!(service.stored_ids(), ["AIDA1", "AIDA2"]);
    assert_eq!((report.unknown, report.complete), (1, true));
}

#[tokio::test]
async fn a_resource_to_which_the_rule_does_not_apply_is_taken_back_by_a_partial_pass_too() {
    let service = stored(&["AIDA1"]);
    let not_applicable = |id: &str| (user(id), Judgement::not_applicable());
    invoke(&Scripted::partial([not_applicable("AIDA1"), not_applicable("NEVER-STORED")]), &service).await.unwrap();
    assert_eq!(service.take_sent(), [("AIDA1".into(), NotApplicable)]);
}

#[tokio::test]
async fn the_same_id_of_another_type_is_another_resource() {
    let service = stored(&["X"]);
    let group = Resource::new("AWS::IAM::Group", "X").unwrap();
    invoke(&Scripted::complete([(group.clone(), compliant(""))]), &service).await.unwrap();
    let puts = service.puts.take();
    let sent: Vec<_> = puts[0].evaluations.iter().map(|e| (e.resource.kind(), e.compliance)).collect();
    assert_eq!(sent, [("AWS::IAM::Group", Compliant), (USER, NotApplicable)]);
    assert_eq!(service.results.borrow().keys().collect::<Vec<_>>(), [&group]);
}

#[tokio::test]
async fn what_is_gone_is_found_on_every_page_of_stored_results() {
    let service = Memory::default();
    for user in users(250) {
        service.store(user, Compliant, "", now());
    }
    let remaining = users(250).into_iter().step_by(50);
    invoke(&Scripted::complete(remaining.map(|user| (user, compliant("")))), &service).await.unwrap();
    assert_eq!(service.pages_read.get(), 3);
    assert_eq!(service.stored_ids(), ["AIDA0000", "AIDA0050", "AIDA0100", "AIDA0150", "AIDA0200"]);
    assert_eq!(service.batch_sizes(), [100, 100, 45]);
}

#[tokio::test]
async fn without_the_stored_results_everything_is_sent_nothing_taken_back_and_the_invocation_fails() {
    let service = Memory { results_unreadable: true, ..stored(&["AIDA1", "GONE"]) };
    let rule = Scripted::complete([(user("AIDA1"), compliant("")), (user("AIDA2"), non_compliant("why"))]);
    let error = invoke(&rule, &service).await.unwrap_err();
    assert_eq!(service.take_sent(), [("AIDA2".into(), NonCompliant), ("AIDA1".into(), Compliant)]);
    assert_eq!(service.stored_ids(), ["AIDA1", "AIDA2", "GONE"]);
    assert!(rule.remembered.borrow().is_empty(), "a pass that did not clean up is not remembered as complete");
    assert_eq!(
        chain(&error),
        "failed to read the stored results of rule `periodic-rule`, so that unchanged ones were reported again and \
         nothing was cleaned up: ThrottlingException"
    );
}

#[tokio::test]
async fn a_rule_that_fails_reports_nothing() {
    let service = stored(&["AIDA1"]);
    let error = invoke(&Scripted::failing("the list could not be read"), &service).await.unwrap_err();
    assert!(matches!(error, EvaluationError::Rule { .. }));
    assert_eq!(chain(&error), "failed to evaluate rule `periodic-rule`: the list could not be read");
    assert!(service.puts.borrow().is_empty());
    assert_eq!(service.stored_ids(), ["AIDA1"]);
}

#[tokio::test]
async fn progress_is_remembered_after_everything_was_accepted() {
    let rule = Scripted::partial([(user("AIDA1"), compliant(""))]);
    invoke(&rule, &Memory::default()).await.unwrap();
    assert_eq!(rule.remembered.take(), ["the cursor"]);

    let refusing = Memory { refused_puts: [0].into(), ..Memory::default() };
    invoke(&rule, &refusing).await.unwrap_err();
    assert!(rule.remembered.take().is_empty());
}

#[tokio::test]
async fn progress_that_cannot_be_remembered_is_an_error() {
    let rule = Scripted { forgets: true, ..Scripted::complete([]) };
    let error = invoke(&rule, &Memory::default()).await.unwrap_err();
    assert_eq!(chain(&error), "failed to remember what was reported on rule `periodic-rule`: the table is gone");
}
