//! AWS Config in memory: keeps results, gives them in pages, refuses what AWS would refuse, fails when told to.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
};

use credwarden_config_rule::{
    Compliance, CompliancePage, ConfigService, Evaluation, MAX_ANNOTATION_CHARS, PutEvaluations, Resource,
    ServiceError, StoredResult,
};
use jiff::Timestamp;

const PAGE: usize = 100;

#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) results: RefCell<BTreeMap<Resource, StoredResult>>,
    pub(crate) puts: RefCell<Vec<Put>>,
    pub(crate) pages_read: Cell<usize>,
    /// How many more times the evaluations of these resources fail.
    pub(crate) failing: RefCell<BTreeMap<Resource, usize>>,
    /// The calls of `PutEvaluations`, counted from 0, that fail as a whole.
    pub(crate) refused_puts: BTreeSet<usize>,
    pub(crate) results_unreadable: bool,
    /// Said to have failed by the first call, though never sent.
    pub(crate) failing_unasked: Option<Resource>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Put {
    pub(crate) test_mode: bool,
    pub(crate) ordering_timestamp: Timestamp,
    pub(crate) evaluations: Vec<Evaluation>,
}

impl Memory {
    pub(crate) fn store(&self, resource: Resource, compliance: Compliance, annotation: &str, reported_at: Timestamp) {
        let result = StoredResult { compliance, annotation: annotation.into(), reported_at: Some(reported_at) };
        self.results.borrow_mut().insert(resource, result);
    }

    /// Everything that was sent since the last look, in the order in which it was sent.
    pub(crate) fn take_sent(&self) -> Vec<(String, Compliance)> {
        let puts = self.puts.take();
        let sent = puts.into_iter().flat_map(|put| put.evaluations);
        sent.map(|evaluation| (evaluation.resource.id().to_owned(), evaluation.compliance)).collect()
    }

    pub(crate) fn batch_sizes(&self) -> Vec<usize> {
        self.puts.borrow().iter().map(|put| put.evaluations.len()).collect()
    }

    pub(crate) fn stored_ids(&self) -> Vec<String> {
        self.results.borrow().keys().map(|resource| resource.id().to_owned()).collect()
    }

    fn keep(&self, evaluation: &Evaluation, ordering_timestamp: Timestamp) {
        let Evaluation { resource, compliance, annotation } = evaluation;
        match compliance {
            Compliance::NotApplicable => drop(self.results.borrow_mut().remove(resource)),
            _ => self.store(resource.clone(), *compliance, annotation.as_str(), ordering_timestamp),
        }
    }
}

impl ConfigService for Memory {
    async fn put_evaluations(&self, report: PutEvaluations<'_>) -> Result<Vec<Resource>, ServiceError> {
        let put = Put {
            test_mode: report.result_token.is_test(),
            ordering_timestamp: report.ordering_timestamp,
            evaluations: report.evaluations.to_vec(),
        };
        let number = self.puts.borrow().len();
        self.puts.borrow_mut().push(put.clone());
        if self.refused_puts.contains(&number) {
            return Err("InternalError".into());
        }
        if put.evaluations.len() > 100 {
            return Err("ValidationException: more than 100 evaluations".into());
        }
        if put
            .evaluations
            .iter()
            .any(|evaluation| evaluation.annotation.as_str().chars().count() > MAX_ANNOTATION_CHARS)
        {
            return Err("ValidationException: annotation too long".into());
        }
        let unasked = self.failing_unasked.clone().filter(|_| number == 0);
        let mut failed: Vec<Resource> = unasked.into_iter().collect();
        for evaluation in &put.evaluations {
            match self.failing.borrow_mut().get_mut(&evaluation.resource) {
                Some(left @ 1..) => {
                    *left -= 1;
                    failed.push(evaluation.resource.clone());
                }
                _ if put.test_mode => {}
                _ => self.keep(evaluation, put.ordering_timestamp),
            }
        }
        Ok(failed)
    }

    async fn compliance_details(
        &self,
        _config_rule_name: &str,
        next_token: Option<String>,
    ) -> Result<CompliancePage, ServiceError> {
        if self.results_unreadable {
            return Err("ThrottlingException".into());
        }
        self.pages_read.set(self.pages_read.get() + 1);
        let start: usize = next_token.map_or(Ok(0), |token| token.parse())?;
        let results = self.results.borrow();
        let page = results.iter().skip(start).take(PAGE).map(|(resource, result)| (resource.clone(), result.clone()));
        let next_token = (start + PAGE < results.len()).then(|| (start + PAGE).to_string());
        Ok(CompliancePage { results: page.collect(), next_token })
    }
}
