//! The rule as a function of AWS Lambda.

mod recorded;

use credwarden_credential::id::Arn;
use credwarden_inventory::calls::sdk_config;
use credwarden_inventory::live::LastUses;
use credwarden_ledger::Ledger;
use credwarden_ledger::dynamo::DynamoTable;
use credwarden_trail::lookup::CloudTrail;
use credwarden_user_rule::provenance::NotNeeded;
use credwarden_user_rule::{Definition, run_with, variable};
use unauthorized_key_creation::{RULE, judge, kinds, undecided, unknown_for};

use crate::recorded::Recorded;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let aws = sdk_config().await;
    let ledger = || Ok::<_, anyhow::Error>(Ledger::new(DynamoTable::new(&aws, variable("CREDWARDEN_LEDGER_TABLE")?)));
    let recorded = Recorded {
        trail: CloudTrail::of(&aws),
        ledger: ledger()?,
        own_roles: Arn::set(&variable("CREDWARDEN_REMEDY_ROLE_ARNS")?)?,
    };
    let rule = Definition { name: RULE, last_uses: LastUses::NotRead, kinds, undecided, unknown_for, judge };
    run_with(rule, &aws, ledger()?, recorded, NotNeeded).await
}
