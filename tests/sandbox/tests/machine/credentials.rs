//! Credentials that moto lacks or gets wrong: service-specific credentials, SSH public keys, signing certificates, passwords.

use std::time::Duration;

use credwarden_sandbox::{clock::Clock, emulator::Emulator, hazards::Hazards};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    BEGIN, DAY,
    emulator::{report, seeded, text},
};

const CODECOMMIT: &str = "codecommit.amazonaws.com";
const BEDROCK: &str = "bedrock.amazonaws.com";
const CERTIFICATE: &str = "TA7SMP42TDN5Z26OBPJE7EXAMPLE";
/// Self-signed, its key thrown away.
const PEM: &str = "-----BEGIN CERTIFICATE-----\n\
MIIBeTCCAR+gAwIBAgIUMj5dqyLu/q+VsS3Uo4BI5UPN9WYwCgYIKoZIzj0EAwIw\n\
EjEQMA4GA1UEAwwHZXhhbXBsZTAeFw0yNjExMjQxNzA2NDNaFw0zNjExMjExNzA2\n\
NDNaMBIxEDAOBgNVBAMMB2V4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n\
AAR1mpD+zbuPmpfDhfA44u/la5O2VFvsDp4vo8Jxma2xJ+yp76486iYLOvdUMEHN\n\
iMHfTy70wwMPOSIHdncJofwno1MwUTAdBgNVHQ4EFgQU2qU2/YidfSrL/kdtCJaS\n\
2Uv95dAwHwYDVR0jBBgwFoAU2qU2/YidfSrL/kdtCJaS2Uv95dAwDwYDVR0TAQH/\n\
BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA3uvnc2QOl/+9evTfHPGyrl3B66JY\n\
CAn1IZ6YXKgd8zACIAjNsTQq3LCCB/O6xipo4tb0EtyLbg3RLM+jyxz6OG45\n\
-----END CERTIFICATE-----";

/// An account in which carol holds one credential of every kind, and dave none.
async fn with_carol() -> (Emulator, Clock) {
    let (emulator, clock) = seeded().await;
    let user = |name: &str, id: &str, rest: Value| {
        let mut user = json!({
            "name": name, "path": "/", "id": id, "created": BEGIN - 400 * DAY, "tags": {}, "groups": [], "attached": [],
            "boundary": null, "password": null, "keys": [],
        });
        user.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        user
    };
    let carol = json!({
        "password": { "created": BEGIN - 300 * DAY, "last_used": BEGIN - 2 * DAY },
        "service_specific_credentials": [
            { "id": "ACCACAROL000000000001", "service": CODECOMMIT, "status": "Active", "created": BEGIN - 90 * DAY,
              "expires": null },
            { "id": "ACCACAROL000000000002", "service": BEDROCK, "status": "Active", "created": BEGIN - 30 * DAY,
              "expires": BEGIN + DAY },
            { "id": "ACCACAROL000000000003", "service": BEDROCK, "status": "Expired", "created": BEGIN - 60 * DAY,
              "expires": BEGIN - 30 * DAY },
        ],
        "ssh_public_keys": [{ "id": "APKACAROL00000000001", "status": "Inactive", "created": BEGIN - 80 * DAY }],
        "signing_certificates": [{ "id": CERTIFICATE, "status": "Active", "created": BEGIN - 70 * DAY }],
    });
    let users = [user("carol", "AIDACAROL000000000001", carol), user("dave", "AIDADAVE0000000000001", json!({}))];
    emulator.seed(&json!({ "account": "123456789012", "now": BEGIN, "users": users })).await.unwrap();
    (emulator, clock)
}

async fn advance(emulator: &Emulator, clock: &Clock, by: SignedDuration) {
    clock.advance(by).unwrap();
    emulator.follow(clock).await.unwrap();
}

/// The texts of every element of this name, in order.
fn texts<'a>(xml: &'a str, element: &str) -> Vec<&'a str> {
    let begin = format!("<{element}>");
    xml.split(begin.as_str()).skip(1).filter_map(|rest| rest.split_once("</")).map(|(text, _)| text).collect()
}

async fn error(emulator: &Emulator, action: &str, parameters: &[(&str, &str)]) -> String {
    format!("{:#}", emulator.iam(action, parameters).await.unwrap_err())
}

async fn carol(emulator: &Emulator) -> Value {
    emulator.truth().await.unwrap()["users"][0].clone()
}

#[tokio::test]
async fn seeded_credentials_of_every_kind_are_listed_with_dates_and_states() {
    let (emulator, clock) = with_carol().await;
    let of_carol = [("UserName", "carol")];
    let list = emulator.iam("ListServiceSpecificCredentials", &of_carol).await.unwrap();
    assert_eq!(texts(&list, "Status"), ["Active", "Active", "Expired"]);
    assert_eq!(texts(&list, "ServiceName"), [CODECOMMIT, BEDROCK, BEDROCK]);
    assert_eq!(text(&list, "ServiceUserName"), "carol-at-123456789012");
    assert!(text(&list, "CreateDate").starts_with("2026-06-23T14:13:20"), "{list}");
    assert_eq!((texts(&list, "ExpirationDate").len(), texts(&list, "ServiceCredentialAlias").len()), (2, 2));
    let keys = emulator.iam("ListSSHPublicKeys", &of_carol).await.unwrap();
    assert_eq!((text(&keys, "SSHPublicKeyId"), text(&keys, "Status")), ("APKACAROL00000000001", "Inactive"));
    assert!(text(&keys, "UploadDate").starts_with("2026-07-03T14:13:20"), "{keys}");
    let certificates = emulator.iam("ListSigningCertificates", &of_carol).await.unwrap();
    assert_eq!((text(&certificates, "CertificateId"), text(&certificates, "Status")), (CERTIFICATE, "Active"));
    let profile = emulator.iam("GetLoginProfile", &of_carol).await.unwrap();
    assert!(text(&profile, "CreateDate").starts_with("2025-11-25T14:13:20"), "{profile}");

    advance(&emulator, &clock, SignedDuration::from_hours(48)).await;
    let list = emulator.iam("ListServiceSpecificCredentials", &of_carol).await.unwrap();
    assert_eq!(texts(&list, "Status"), ["Active", "Expired", "Expired"], "its time is over");
}

#[tokio::test]
async fn service_specific_credentials_are_listed_by_user_or_of_all_users_by_service_in_pages() {
    let (emulator, _) = with_carol().await;
    emulator
        .iam("CreateServiceSpecificCredential", &[("UserName", "dave"), ("ServiceName", CODECOMMIT)])
        .await
        .unwrap();
    let all = [("AllUsers", "true"), ("ServiceName", CODECOMMIT)];
    let list = emulator.iam("ListServiceSpecificCredentials", &all).await.unwrap();
    assert_eq!(texts(&list, "UserName"), ["carol", "dave"]);
    let paged = [&all[..], &[("MaxItems", "1")]].concat();
    let first = emulator.iam("ListServiceSpecificCredentials", &paged).await.unwrap();
    assert_eq!((texts(&first, "UserName"), text(&first, "IsTruncated")), (vec!["carol"], "true"));
    let rest = [&paged[..], &[("Marker", text(&first, "Marker"))]].concat();
    let second = emulator.iam("ListServiceSpecificCredentials", &rest).await.unwrap();
    assert_eq!((texts(&second, "UserName"), text(&second, "IsTruncated")), (vec!["dave"], "false"));

    let both = [("AllUsers", "true"), ("UserName", "carol")];
    assert!(error(&emulator, "ListServiceSpecificCredentials", &both).await.contains("ValidationError"));
    let other = [("UserName", "carol"), ("ServiceName", "s3.amazonaws.com")];
    assert!(error(&emulator, "ListServiceSpecificCredentials", &other).await.contains("NotSupportedService"));
    let nobody = [("UserName", "nobody")];
    for action in ["ListServiceSpecificCredentials", "ListSSHPublicKeys", "ListSigningCertificates"] {
        assert!(error(&emulator, action, &nobody).await.contains("NoSuchEntity"), "{action}");
        assert!(error(&emulator, action, &[]).await.contains("Must specify userName"), "{action}");
    }
}

#[tokio::test]
async fn a_service_specific_credential_is_created_twice_per_service_switched_reset_and_deleted() {
    let (emulator, _) = with_carol().await;
    let create = [("UserName", "dave"), ("ServiceName", BEDROCK), ("CredentialAgeDays", "30")];
    let made = emulator.iam("CreateServiceSpecificCredential", &create).await.unwrap();
    let id = text(&made, "ServiceSpecificCredentialId").to_owned();
    assert!(id.starts_with("ACCA") && id.len() == 21, "{id}");
    assert!(made.contains("<ServiceCredentialSecret>") && made.contains("<ExpirationDate>2026-10-21"), "{made}");
    emulator.iam("CreateServiceSpecificCredential", &create).await.unwrap();
    assert!(error(&emulator, "CreateServiceSpecificCredential", &create).await.contains("LimitExceeded"));
    let aged = [("UserName", "dave"), ("ServiceName", CODECOMMIT), ("CredentialAgeDays", "30")];
    assert!(error(&emulator, "CreateServiceSpecificCredential", &aged).await.contains("ValidationError"));

    let about = [("UserName", "dave"), ("ServiceSpecificCredentialId", id.as_str())];
    let set = |status| [&about[..], &[("Status", status)]].concat();
    emulator.iam("UpdateServiceSpecificCredential", &set("Inactive")).await.unwrap();
    assert!(error(&emulator, "UpdateServiceSpecificCredential", &set("Expired")).await.contains("ValidationError"));
    let list = emulator.iam("ListServiceSpecificCredentials", &[("UserName", "dave")]).await.unwrap();
    assert_eq!(texts(&list, "Status"), ["Inactive", "Active"]);
    assert!(!list.contains("Secret") && !list.contains("Password"), "{list}");
    assert!(
        emulator.iam("ResetServiceSpecificCredential", &about).await.unwrap().contains("<ServiceCredentialSecret>")
    );
    assert!(error(&emulator, "DeleteUser", &[("UserName", "dave")]).await.contains("DeleteConflict"));
    emulator.iam("DeleteServiceSpecificCredential", &about).await.unwrap();
    assert!(error(&emulator, "DeleteServiceSpecificCredential", &about).await.contains("NoSuchEntity"));
}

#[tokio::test]
async fn an_ssh_public_key_is_uploaded_five_times_at_most_switched_and_deleted() {
    let (emulator, clock) = with_carol().await;
    let upload = |body: String| {
        let emulator = &emulator;
        async move { emulator.iam("UploadSSHPublicKey", &[("UserName", "dave"), ("SSHPublicKeyBody", &body)]).await }
    };
    let first = upload("ssh-rsa AAAA1 dave".to_owned()).await.unwrap();
    let id = text(&first, "SSHPublicKeyId").to_owned();
    assert!(id.starts_with("APKA") && id.len() == 20, "{id}");
    assert_eq!(text(&first, "Fingerprint").split(':').count(), 16);
    let refused = |result: anyhow::Result<String>| format!("{:#}", result.unwrap_err());
    assert!(refused(upload("ssh-rsa AAAA1 dave".to_owned()).await).contains("DuplicateSSHPublicKey"));
    assert!(refused(upload("ssh-ed25519 AAAA".to_owned()).await).contains("InvalidPublicKey"));
    for number in 2..=5 {
        upload(format!("ssh-rsa AAAA{number} dave")).await.unwrap();
    }
    assert!(refused(upload("ssh-rsa AAAA6 dave".to_owned()).await).contains("LimitExceeded"));
    let page = emulator.iam("ListSSHPublicKeys", &[("UserName", "dave"), ("MaxItems", "3")]).await.unwrap();
    assert_eq!((texts(&page, "SSHPublicKeyId").len(), text(&page, "IsTruncated")), (3, "true"));

    emulator.set_hazards(&Hazards { stale_lists: Duration::from_mins(1), ..Hazards::none() }).await.unwrap();
    advance(&emulator, &clock, SignedDuration::from_mins(2)).await;
    let about = [("UserName", "dave"), ("SSHPublicKeyId", id.as_str())];
    emulator.iam("UpdateSSHPublicKey", &[&about[..], &[("Status", "Inactive")]].concat()).await.unwrap();
    let list = || async { emulator.iam("ListSSHPublicKeys", &[("UserName", "dave")]).await.unwrap() };
    assert_eq!(text(&list().await, "Status"), "Active", "the list is stale");
    advance(&emulator, &clock, SignedDuration::from_mins(2)).await;
    assert_eq!(text(&list().await, "Status"), "Inactive");
    emulator.iam("DeleteSSHPublicKey", &about).await.unwrap();
    assert!(error(&emulator, "DeleteSSHPublicKey", &about).await.contains("NoSuchEntity"));
}

#[tokio::test]
async fn a_signing_certificate_shows_in_the_report_by_when_it_last_changed() {
    let (emulator, clock) = with_carol().await;
    let of_carol = |report: &str| -> Vec<String> {
        report.lines().find(|row| row.starts_with("carol,")).unwrap().split(',').map(str::to_owned).collect()
    };
    let row = of_carol(&report(&emulator).await.1);
    assert_eq!(row[18..], ["true", "2026-07-13T14:13:20+00:00", "false", "N/A"]);
    assert_eq!(row[3..5], ["true", "2026-09-19T14:13:20+00:00"]);
    let set = [("UserName", "carol"), ("CertificateId", CERTIFICATE), ("Status", "Inactive")];
    emulator.iam("UpdateSigningCertificate", &set).await.unwrap();
    let row = of_carol(&report(&emulator).await.1);
    assert_eq!(row[18], "false");
    assert!(row[19].starts_with(&clock.now().strftime("%Y-%m-%d").to_string()), "{}", row[19]);
    let malformed = [("UserName", "carol"), ("CertificateBody", "no certificate")];
    assert!(error(&emulator, "UploadSigningCertificate", &malformed).await.contains("MalformedCertificate"));
    let upload = [("UserName", "carol"), ("CertificateBody", PEM)];
    let uploaded = emulator.iam("UploadSigningCertificate", &upload).await.unwrap();
    let id = text(&uploaded, "CertificateId");
    assert!(id.len() == 32 && id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()), "{id}");
    assert!(error(&emulator, "UploadSigningCertificate", &upload).await.contains("LimitExceeded"));
    emulator.iam("DeleteSigningCertificate", &[("UserName", "carol"), ("CertificateId", id)]).await.unwrap();
    emulator.iam("DeleteSigningCertificate", &set[..2]).await.unwrap();
    assert_eq!(carol(&emulator).await["signing_certificates"], json!([]));
}

#[tokio::test]
async fn a_password_that_never_signed_in_has_no_last_use_and_a_new_one_may_inherit_it() {
    let (emulator, clock) = with_carol().await;
    let lag = Hazards { last_use_lag: Duration::from_hours(4), ..Hazards::none() };
    let user = |name| {
        let emulator = &emulator;
        async move { emulator.iam("GetUser", &[("UserName", name)]).await.unwrap() }
    };
    assert!(text(&user("carol").await, "PasswordLastUsed").starts_with("2026-09-19T14:13:20"));
    let list = emulator.iam("ListUsers", &[]).await.unwrap();
    assert_eq!(texts(&list, "PasswordLastUsed").len(), 1);
    let create = [("UserName", "dave"), ("Password", "correct horse")];
    emulator.iam("CreateLoginProfile", &create).await.unwrap();
    assert!(!user("dave").await.contains("PasswordLastUsed"));
    assert!(
        report(&emulator)
            .await
            .1
            .contains("\ndave,arn:aws:iam::123456789012:user/dave,2025-08-17T14:13:20+00:00,true,no_information,")
    );

    emulator.set_hazards(&lag).await.unwrap();
    emulator.sign_in("dave").await.unwrap();
    assert!(!user("dave").await.contains("PasswordLastUsed"), "a sign-in shows after its lag");
    advance(&emulator, &clock, SignedDuration::from_hours(5)).await;
    assert!(user("dave").await.contains("PasswordLastUsed"));
    for outlives in [true, false] {
        emulator.set_hazards(&Hazards { sign_in_outlives_profile: outlives, ..Hazards::none() }).await.unwrap();
        emulator.iam("DeleteLoginProfile", &create[..1]).await.unwrap();
        emulator.iam("CreateLoginProfile", &create).await.unwrap();
        assert_eq!(user("dave").await.contains("PasswordLastUsed"), outlives);
    }
}

#[tokio::test]
async fn other_credentials_are_told_truly_in_the_form_of_a_seed() {
    let (emulator, _) = with_carol().await;
    let carol = carol(&emulator).await;
    assert_eq!(
        carol["service_specific_credentials"][1],
        json!({ "id": "ACCACAROL000000000002", "service": BEDROCK, "status": "Active", "created": BEGIN - 30 * DAY,
                "expires": BEGIN + DAY })
    );
    assert_eq!(carol["ssh_public_keys"][0]["status"], "Inactive");
    assert_eq!(carol["signing_certificates"][0]["id"], CERTIFICATE);
}
