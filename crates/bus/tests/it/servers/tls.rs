//! TLS, and mutual TLS, against a listener with certificates made here.

use std::path::Path;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use seatshift_bus::{BrokerUrl, Confirm, RabbitOptions, Tls};
use seatshift_messages::Service::Control;
use seatshift_servers::{Rabbit, free_ports};

use super::stage::Running;
use crate::given::*;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes `<name>.pem` and `<name>.key`.
fn certificate(dir: &Path, name: &str, by: &Authority, purpose: ExtendedKeyUsagePurpose) {
    let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.extended_key_usages = vec![purpose];
    let key = KeyPair::generate().unwrap();
    let made = params.signed_by(&key, by).unwrap();
    std::fs::write(dir.join(format!("{name}.pem")), made.pem()).unwrap();
    std::fs::write(dir.join(format!("{name}.key")), key.serialize_pem()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_broker_and_a_client_with_trusted_certificates_talk_to_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("tls");
    std::fs::create_dir(&files).unwrap();
    let (ours, theirs) = (authority("ours"), authority("somebody else's"));
    std::fs::write(files.join("ca.pem"), ours.pem()).unwrap();
    std::fs::write(files.join("theirs.pem"), theirs.pem()).unwrap();
    certificate(&files, "broker", &ours, ExtendedKeyUsagePurpose::ServerAuth);
    certificate(&files, "client", &ours, ExtendedKeyUsagePurpose::ClientAuth);
    certificate(&files, "stranger", &theirs, ExtendedKeyUsagePurpose::ClientAuth);
    let port = free_ports(1).unwrap().numbers()[0];
    let at = |name: &str| files.join(name).display().to_string();
    let listener = format!(
        "listeners.ssl.1 = 127.0.0.1:{port}\nssl_options.cacertfile = {}\nssl_options.certfile = {}\n\
         ssl_options.keyfile = {}\nssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true\n",
        at("ca.pem"),
        at("broker.pem"),
        at("broker.key"),
    );
    let rabbit = Rabbit::start_with(&dir.path().join("node"), &listener).unwrap();
    rabbit.add_vhost("tls").unwrap();
    let url = rabbit.admin_url("tls").replace("amqp://", "amqps://");
    let url = url.replace(&format!("127.0.0.1:{}", rabbit.port()), &format!("127.0.0.1:{port}"));
    let options = |ca: &str, client: Option<&str>| RabbitOptions {
        tls: Tls {
            ca: Some(files.join(ca)),
            cert: client.map(|name| files.join(format!("{name}.pem"))),
            key: client.map(|name| files.join(format!("{name}.key"))),
        },
        backoff: (Duration::from_millis(10), Duration::from_millis(50)),
        ..RabbitOptions::new(Control, vec![BrokerUrl::parse(&url).unwrap()])
    };

    let bus = Running::ready(options("ca.pem", Some("client"))).await;
    let purchased = publish(&*bus, [rollback(1)]).remove(0);
    assert_eq!(purchased.awaited().await, Confirm::Safe);

    for (what, refused) in [
        ("a broker that is not trusted", options("theirs.pem", Some("client"))),
        ("a client without a certificate", options("ca.pem", None)),
        ("a client that is not trusted", options("ca.pem", Some("stranger"))),
    ] {
        let bus = Running::start(refused);
        let state = bus.until(what, |state| state.reconnects > 3).await;
        assert!(!state.publishing && !state.consuming, "{what}");
        println!("{what}: {}", state.last_error.unwrap());
    }
}
