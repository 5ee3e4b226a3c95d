//! Mints: which new keys were asked for, and how far each came.
//!
//! Secrets Manager tells its rotation function a secret and a token, so a mint is found by its token alone. Whoever takes
//! it a step further names the state that was read, so of two at once one goes on.

use credwarden_policy::enrolment::RequestToken;
use credwarden_policy::mint::{Mint, MintStep};

use crate::lease::Lease;
use crate::ledger::{Ledger, LedgerError, REVISION, body, failed};
use crate::table::{Action, Attributes, Condition, Item, Key, Table, TableError, Write};

/// A mint as it was written down last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptMint {
    /// What it says.
    pub mint: Mint,
    revision: i64,
}

impl KeptMint {
    fn read(item: &Item) -> Result<Self, LedgerError> {
        Ok(Self { mint: item.body()?, revision: item.number(REVISION)? })
    }
}

impl<T: Table> Ledger<T> {
    /// The mint of a token; `None`: nobody has asked for one.
    pub async fn mint(&self, token: &RequestToken) -> Result<Option<KeptMint>, LedgerError> {
        self.get(&key(token), &format!("read mint `{token}`")).await?.as_ref().map(KeptMint::read).transpose()
    }

    /// Asks for a mint, in one transaction with the check of the lease. One that was asked for by this token already is
    /// returned as it stands, however far it came.
    ///
    /// # Errors
    /// [`LedgerError::Superseded`] if another run has the lease.
    pub async fn ask_for_mint(&self, lease: &Lease, mint: Mint) -> Result<KeptMint, LedgerError> {
        let (key, doing) = (key(&mint.token), format!("ask for mint `{}`", mint.token));
        let mut put: Attributes = [body(&mint, &key)?].into();
        put.insert(REVISION.to_owned(), 1.into());
        let write = Write { key, condition: Condition::absent(), action: Action::Put(put) };
        match self.write(&[lease.check(), write]).await {
            Ok(()) => Ok(KeptMint { mint, revision: 1 }),
            Err(TableError::Refused(_)) => match self.mint(&mint.token).await? {
                Some(kept) if self.holds_lease(lease).await? => Ok(kept),
                _ => Err(LedgerError::Superseded { doing }),
            },
            Err(source) => Err(failed(doing, source)),
        }
    }

    /// Takes a mint a step further.
    ///
    /// # Errors
    /// [`LedgerError::Superseded`] if another run has done so since it was read.
    pub async fn keep_mint(&self, seen: &KeptMint, step: MintStep) -> Result<KeptMint, LedgerError> {
        let mint = Mint { step, ..seen.mint.clone() };
        let (key, doing) = (key(&mint.token), format!("take mint `{}` a step further", mint.token));
        let put: Attributes = [body(&mint, &key)?].into();
        self.put_revision(key, put, seen.revision, &doing).await?;
        Ok(KeptMint { mint, revision: seen.revision.saturating_add(1) })
    }
}

fn key(token: &RequestToken) -> Key {
    Key::new(format!("MINT#{token}"), "STEP")
}
