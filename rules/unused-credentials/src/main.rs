//! The rule as a function of AWS Lambda.

mod analyzed;

use credwarden_inventory::calls::sdk_config;
use credwarden_inventory::live::LastUses;
use credwarden_ledger::Ledger;
use credwarden_ledger::dynamo::DynamoTable;
use credwarden_unused_access::analyzer::AccessAnalyzer;
use credwarden_user_rule::provenance::NotNeeded;
use credwarden_user_rule::{Definition, run_with, variable};
use unused_credentials::{RULE, judge, kinds, undecided, unknown_for};

use crate::analyzed::Analyzed;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let aws = sdk_config().await;
    let ledger = Ledger::new(DynamoTable::new(&aws, variable("CREDWARDEN_LEDGER_TABLE")?));
    let rule = Definition { name: RULE, last_uses: LastUses::Read, kinds, undecided, unknown_for, judge };
    run_with(rule, &aws, ledger, NotNeeded, Analyzed(AccessAnalyzer::of(&aws))).await
}
