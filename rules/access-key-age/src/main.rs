//! The rule as a function of AWS Lambda.

mod scan;

use anyhow::Context as _;
use credwarden_inventory::calls::sdk_config;
use credwarden_inventory::iam::Iam;
use credwarden_inventory::parameter::Parameters;
use credwarden_ledger::Ledger;
use credwarden_ledger::dynamo::DynamoTable;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let aws = sdk_config().await;
    let scan = scan::Scan {
        iam: Iam::of(&aws),
        parameters: Parameters::new(&aws),
        policy_parameter: variable("CREDWARDEN_POLICY_PARAMETER")?,
        ledger: Ledger::new(DynamoTable::new(&aws, variable("CREDWARDEN_LEDGER_TABLE")?)),
    };
    credwarden_config_rule::run(scan, &aws, "Credwarden").await
}

fn variable(name: &str) -> anyhow::Result<String> {
    #[expect(clippy::disallowed_methods, reason = "this is the function's main")]
    std::env::var(name).with_context(|| format!("failed to read the environment variable `{name}`; the stack sets it"))
}
