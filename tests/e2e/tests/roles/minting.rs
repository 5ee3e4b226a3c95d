//! A key that is minted, once in vain, in which everything is called that is granted for it.

use anyhow::{Result, ensure};
use credwarden_e2e::mint::{assert_delivered, crowd, ready, rotate, unheld};
use credwarden_e2e::rule::FIRST_DAY;
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::sandbox::Sandbox;

pub(crate) async fn minted() -> Result<Sandbox> {
    let (sandbox, users) = ready(&crowd(FIRST_DAY, 1)).await?;
    for user in &users {
        let put = sandbox.faults().arm(Matching::action("secretsmanager:PutSecretValue"), Act::Deny);
        let refused = rotate(&sandbox, user).await?;
        ensure!(!refused.succeeded() && put.fired() == 1, "the secret takes no value: {refused:?}");
        ensure!(unheld(&sandbox, user).await?.is_empty(), "what it did not take is deleted");
        let rotated = rotate(&sandbox, user).await?;
        ensure!(rotated.succeeded(), "{rotated:?}");
        assert_delivered(&sandbox, user, "the second time").await?;
    }
    Ok(sandbox)
}
