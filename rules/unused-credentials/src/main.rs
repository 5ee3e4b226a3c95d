//! The rule as a function of AWS Lambda.

use credwarden_inventory::live::LastUses;
use credwarden_user_rule::{Definition, run};
use unused_credentials::{RULE, judge, kinds, undecided, unknown_for};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(Definition { name: RULE, last_uses: LastUses::Read, kinds, undecided, unknown_for, judge }).await
}
