//! Ids that look random, and are the same in every run.

use credwarden_credential::id::{AccessKeyId, UserId};
use credwarden_credential::kind::{CredentialId, CredentialKind};

/// The id of the `serial`-th user of that name.
pub(crate) fn user_id(name: &str, serial: u32) -> UserId {
    minted("AIDA", 17, name, serial)
}

/// The id of the `serial`-th key of the user of that id.
pub(crate) fn access_key_id(user: &UserId, serial: u32) -> AccessKeyId {
    minted("AKIA", 16, user.as_str(), serial)
}

/// The id of the `serial`-th credential of that kind of the user of that id.
pub(crate) fn credential_id(kind: CredentialKind, user: &UserId, serial: u32) -> CredentialId {
    let owner = user.as_str();
    match kind {
        CredentialKind::ServiceSpecificCredential => {
            CredentialId::ServiceSpecificCredential(minted("ACCA", 17, owner, serial))
        }
        CredentialKind::SshPublicKey => CredentialId::SshPublicKey(minted("APKA", 17, owner, serial)),
        CredentialKind::SigningCertificate => CredentialId::SigningCertificate(minted("TA7", 25, owner, serial)),
        CredentialKind::ConsolePassword => CredentialId::ConsolePassword,
        _ => CredentialId::AccessKey(minted("AKIA", 16, owner, serial)),
    }
}

#[expect(clippy::panic, reason = "only reached if the ids' own shape is changed without changing this")]
fn minted<T: std::str::FromStr>(prefix: &str, length: usize, name: &str, serial: u32) -> T {
    // FNV-1a, then the steps of SplitMix64: stable, unlike the standard library's hasher.
    let seed = format!("{name}#{serial}")
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mut state = seed;
    let mut id = prefix.to_owned();
    for _ in 0..length {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // Five bits: a letter of AWS's alphabet of ids, A to Z and 2 to 7.
        let letter = u8::try_from((mixed >> 59) & 31).unwrap_or_default();
        id.push(char::from(if letter < 26 { b'A' + letter } else { b'2' + letter - 26 }));
    }
    id.parse().unwrap_or_else(|_| panic!("`{id}` is no id"))
}
