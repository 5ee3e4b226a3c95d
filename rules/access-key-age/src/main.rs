//! The rule as a function of AWS Lambda.

use access_key_age::{RULE, judge, kinds, undecided, unknown_for};
use credwarden_inventory::live::LastUses;
use credwarden_user_rule::{Definition, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(Definition { name: RULE, last_uses: LastUses::NotRead, kinds, undecided, unknown_for, judge }).await
}
