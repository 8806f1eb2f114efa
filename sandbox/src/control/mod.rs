//! The HTTP control API: the sandbox from another process or language.
//!
//! JSON in, JSON out, loopback only, no authentication. Errors are
//! `{"error":{"code":"..","message":".."}}` with a fitting status. A scope is `{}` for the whole
//! network, `{"number":"…"}` for an account, `{"number":"…","device":1}` for a device (0 is the
//! phone).
//!
//! | route | what it does |
//! |---|---|
//! | `GET /v1/network` | websocket url, root key (hex) |
//! | `POST /v1/network/rotate-key` | another server key under the same root |
//! | `PUT /v1/network/reachable` `{"reachable":false}` | stop listening for connections, listen again; open ones stay |
//! | `GET /v1/connections` | devices with a connection |
//! | `GET /v1/stats` | counters |
//! | `GET`, `DELETE /v1/violations` | refused stanzas; forget them |
//! | `GET /v1/trace` | the last stanzas, if the network keeps any |
//! | `POST /v1/faults` `{"scope":{},"fault":{"kind":"delay","millis":300}}` | make something go wrong; kinds in [`crate::Fault`] |
//! | `DELETE /v1/faults` `{"scope":{}}` | heal a scope |
//! | `POST /v1/disconnect` `{"scope":{},"cut":"drop"}` | end connections; cuts in [`crate::Cut`] |
//! | `GET`, `POST /v1/phones` `{"number":"15550000001"}` | list; create (also `lid_migrated`, `push_name`) |
//! | `GET /v1/phones/{number}` | one phone |
//! | `POST /v1/phones/{number}/scan` `{"qr":"…"}` | link the companion that shows this code |
//! | `POST /v1/phones/{number}/code` `{"code":"ABCD-EFGH"}` | link the companion that shows this pairing code |
//! | `POST /v1/phones/{number}/code/refresh` `{"by_hand":true}` | tell the companion that waits to get another code |
//! | `PUT /v1/phones/{number}/passkey` `{"demanded":true}` | demand a passkey before a device is linked, or no more |
//! | `POST /v1/phones/{number}/messages` `{"to":"…","text":"…"}` | write a text |
//! | `POST /v1/phones/{number}/read` `{"id":"…"}` | send a read receipt |
//! | `GET /v1/phones/{number}/inbox?text=…&id=…&wait_ms=…` | shown messages; waits for a match |
//! | `GET /v1/phones/{number}/receipts?id=…&kind=…&wait_ms=…` | receipts that came in; waits for a match |
//! | `GET`, `PUT`, `DELETE /v1/phones/{number}/restriction` `{"code":463,"seconds":3600}` | refuse messages to those who never wrote to the number |
//! | `GET`, `POST /v1/phones/{number}/groups` `{"subject":"…","numbers":["…"],"lid":false}` | groups the phone is in; make one |
//! | `GET`, `PATCH`, `DELETE …/groups/{jid}` `{"subject":"…","description":"…","announce":true}` | look, change (also `locked`, `ephemeral`, `approval`, `members_add`), leave |
//! | `POST …/groups/{jid}/{add,remove,promote,demote,approve,reject}` `{"numbers":["…"]}` | answers who could not be, and why |
//! | `GET …/groups/{jid}/code`, `POST …/groups/join` `{"code":"…"}` | the invite code; join by one |
//! | `GET`, `PUT /v1/phones/{number}/rules` | the phone's rules, see [`crate::Rules`] |
//! | `PUT /v1/phones/{number}/online` `{"online":false}` | go offline, come back |
//! | `GET /v1/live?devices=…&wait_ms=…` | live devices, connections that are being made and their peak; waits for so many |
//! | `DELETE /v1/live/peak` | forget the peak, as `DELETE /v1/connects` does |
//! | `GET`, `DELETE /v1/connects` | sockets opened, connections being made, their peaks, the fullest minute; count anew |
//! | `GET /v1/phones/{number}/logins` | login attempts, logins and connections of a number and its devices |
//! | `POST /v1/logins/mark`, `GET /v1/logins` | set a mark; devices that have logged in since |
//! | `GET /v1/tally?prefix=…` | for each phone: texts shown that begin so, and how many of them differ |
//! | `POST /v1/phones/{number}/burst` `{"to":"…","prefix":"…","count":100}` | write many texts |
//! | `GET`, `DELETE /v1/media` | the media host's address, certificate and files; it forgets them all (`?gone=true`: 410) |
//! | `POST`, `DELETE /v1/media/faults` `{"count":1,"fault":{"kind":"truncate"}}` | break uploads or downloads; kinds in [`crate::MediaFault`] |
//! | `POST /v1/media/revoke` | uploads with an auth given so far are refused |
//! | `POST /v1/phones/{number}/files` `{"to":"…","kind":"image","mimetype":"image/jpeg","base64":"…"}` | send a file |
//! | `GET /v1/phones/{number}/files/{id}` | the bytes of the file in a message that the phone has shown |
//! | `GET /v1/phones/{number}/acked?device=1` | ids a device has acknowledged |
//! | `GET /v1/phones/{number}/accepted` | messages the server accepted from the account |

mod counts;
mod crowd;
mod faults;
mod groups;
mod inbox;
mod linking;
mod media;
mod phones;
mod refusal;
mod reports;
mod restriction;

use crate::network::listen;
use crate::{Network, SandboxConfig, StartError};
use axum::Router;
use std::fmt;
use std::net::SocketAddr;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A running network with its control API. Both end when this is dropped or shut down.
pub struct RunningSandbox {
    network: Network,
    control: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl fmt::Debug for RunningSandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningSandbox")
            .field("network", &self.network)
            .field("control", &self.control)
            .finish_non_exhaustive()
    }
}

impl RunningSandbox {
    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Where the control API listens: `http://127.0.0.1:PORT`.
    pub fn control_url(&self) -> String {
        format!("http://{}", self.control)
    }

    /// Ends the control API and, when no other handle of the network is left, the network.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        // Its only outcome is that it ended.
        let _ended = (&mut self.serving).await;
    }
}

impl Drop for RunningSandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Starts a network and its control API.
///
/// # Errors
/// When one of the addresses is not a loopback address or is in use.
pub async fn serve(config: SandboxConfig) -> Result<RunningSandbox, StartError> {
    let network = Network::start(config.network).await?;
    let (listener, control) = listen(config.control_listen).await?;
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    let app = router(network.clone());
    let serving = tokio::spawn(async move {
        let served = axum::serve(listener, app).with_graceful_shutdown(stopped);
        if let Err(error) = served.await {
            tracing::error!(%error, "the control API ended");
        }
    });
    Ok(RunningSandbox { network, control, stop, serving })
}

fn router(network: Network) -> Router {
    Router::new()
        .merge(reports::routes())
        .merge(faults::routes())
        .merge(phones::routes())
        .merge(groups::routes())
        .merge(inbox::routes())
        .merge(crowd::routes())
        .merge(restriction::routes())
        .merge(counts::routes())
        .merge(linking::routes())
        .merge(media::routes())
        .fallback(refusal::no_such_route)
        .with_state(network)
}
