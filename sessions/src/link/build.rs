//! Puts a link together: the library's client over our key store, hook, sockets, HTTP and tasks.

use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use wacore::store::DevicePropsOverride;
use wacore::store::device::default_history_sync_config;
use waproto::whatsapp::device_props::{HistorySyncConfig, PlatformType};
use wasup_store::repo::wa::WaScope;
use whatsapp_rust::bot::{Bot, BotBuilderError};
use whatsapp_rust::{CacheConfig, Client, ClientBuilderError, MsgSecretPolicy};

use super::calls::Calls;
use super::ears::Ears;
use super::history::History;
use super::inbound::hook::CommitFirst;
use super::inbound::inbox::Inbox;
use super::keeper::{Keeper, look_after, probe};
use super::loss::Losses;
use super::news::{Clerk, Newsroom, Reporter};
use super::outlet::Outlet;
use super::own::OwnAddresses;
use super::pairing_code::Codes;
use super::presence::Watching;
use super::pump::Pump;
use super::runtime::LinkTasks;
use super::transport::{SocketFactory, Sockets};
use super::whatsapp::{Company, Files, WhatsAppLink};
use super::{LinkSettings, WhatsAppLinks};
use crate::dial::{Dialer, PermitSlot};
use crate::keystore::KeyStore;
use crate::media::Downloads;
use crate::ports::{LinkError, LinkEvent, LinkTarget};
use crate::trouble::Trouble;

/// The version that a sandbox build says it is. Without it the library would ask the live network's web page.
const SANDBOX_VERSION: (u32, u32, u32) = (2, 3000, 1_023_223_821);

/// Longest that a login keeps its permit to be connecting.
const PERMIT_DEADLINE: std::time::Duration = std::time::Duration::from_secs(60);

/// What the parts of a link share while they are put together.
struct Parts {
    tasks: LinkTasks,
    outlet: Arc<Outlet>,
    trouble: Arc<Trouble>,
    own: Arc<OwnAddresses>,
    keys: Arc<KeyStore>,
    inbox: Arc<Inbox>,
    news: Arc<Newsroom>,
    clerk: Arc<Clerk>,
    history: Arc<History>,
    sockets: Arc<Sockets>,
    codes: Arc<Codes>,
    watching: Arc<Watching>,
    calls: Arc<Calls>,
}

impl Parts {
    async fn new(links: &WhatsAppLinks, target: &LinkTarget) -> Result<Self, LinkError> {
        let settings = &links.settings;
        let (url, proxy) = (settings.url.as_deref(), target.proxy.as_ref());
        let dialer = Dialer::new(url, proxy, settings.connect_timeout, &links.http).await?;
        let scope = WaScope { no: target.no, link: target.link, epoch: target.epoch };
        let (tasks, trouble) = (LinkTasks::default(), Arc::<Trouble>::default());
        let outlet = Arc::new(Outlet::counting(Arc::clone(&links.counted)));
        let keys = KeyStore::watched(links.store.clone(), scope, Arc::clone(&trouble), Arc::clone(&links.counted));
        #[cfg(feature = "sandbox")]
        let keys = keys.with_fail_point(settings.before_pending_row.clone());
        let own = Arc::<OwnAddresses>::default();
        let inbox = Inbox::new(links.store.clone(), scope, Arc::clone(&links.committed), Arc::clone(&trouble))
            .counting(Arc::clone(&links.meters))
            .knowing(Arc::clone(&own))
            .under(target.mark.clone());
        let news = Newsroom {
            store: links.store.clone(),
            scope,
            committed: Arc::clone(&links.committed),
            trouble: Arc::clone(&trouble),
            mark: target.mark.clone(),
        };
        let committed = Arc::clone(&links.committed);
        let kept = (links.store.clone(), scope, settings.history);
        let told = (Arc::clone(&committed), Arc::clone(&trouble));
        let history = Arc::new(History::new(kept, Arc::clone(&own), told, Arc::clone(&links.imports)));
        let clerk = Clerk::new((links.store.clone(), scope), committed, Arc::clone(&trouble), Arc::clone(&history));
        let codes = Arc::new(Codes::new(Arc::clone(&outlet), tasks.clone()));
        let sockets = Sockets {
            store: links.store.clone(),
            mark: target.mark.clone(),
            dialer,
            seat: links.permits.seat(target.urgent, Arc::clone(tasks.turn())),
            permit: Arc::<PermitSlot>::default(),
            permit_deadline: PERMIT_DEADLINE,
            step: settings.login_step,
            outlet: Arc::clone(&outlet),
            losses: Arc::<Losses>::default(),
            codes: Arc::clone(&codes),
            tasks: tasks.clone(),
            current: Mutex::default(),
        };
        Ok(Self {
            tasks,
            outlet,
            trouble,
            own,
            keys: Arc::new(keys),
            inbox: Arc::new(inbox),
            news: Arc::new(news),
            clerk: Arc::new(clerk),
            history,
            sockets: Arc::new(sockets),
            codes,
            watching: Arc::default(),
            calls: Arc::default(),
        })
    }

    async fn bot(&self, links: &WhatsAppLinks, target: &LinkTarget) -> Result<Bot, BotBuilderError> {
        let ears = Ears {
            outlet: Arc::clone(&self.outlet),
            permit: Arc::clone(&self.sockets.permit),
            own: Arc::clone(&self.own),
            losses: Arc::clone(&self.sockets.losses),
            codes: Arc::clone(&self.codes),
            step: links.settings.login_step,
        };
        let losses = Arc::clone(&self.sockets.losses);
        let device = device_props(target);
        let mut builder = Bot::builder()
            .with_backend_arc(Arc::clone(&self.keys) as _)
            .with_transport_factory(SocketFactory(Arc::clone(&self.sockets)))
            .with_http_client(self.sockets.dialer.http(move |reason| losses.hint(reason)))
            .with_runtime(self.tasks.clone())
            .with_inbound_durability_hook(CommitFirst(Arc::clone(&self.inbox), Arc::clone(&self.history)))
            .with_event_handler(ears)
            .with_device_props(device)
            .with_cache_config(caches(&links.settings));
        if let Some(count) = links.settings.prekeys {
            builder = builder.with_wanted_pre_key_count(count as usize);
        }
        if cfg!(feature = "sandbox") {
            // The loopback network's phones keep no name in their app state. Without one the library takes every login
            // for the first and waits 10 s for keys that it has.
            builder = builder.with_version(SANDBOX_VERSION).with_push_name(target.name.clone());
        }
        builder.build().await
    }
}

/// What a fresh device says of itself: the phone's list shows the name, and the history that it sends goes by the rest.
/// A pairing by code sends the name's system, or Linux where it names none: the network takes no other display.
fn device_props(target: &LinkTarget) -> DevicePropsOverride {
    let wanted = &target.history;
    let mut device = DevicePropsOverride::new().with_os(target.name.clone()).with_platform_type(PlatformType::DESKTOP);
    if wanted.days.is_some() || wanted.megabytes.is_some() {
        device = device.with_history_sync_config(HistorySyncConfig {
            full_sync_days_limit: wanted.days,
            full_sync_size_mb_limit: wanted.megabytes,
            ..default_history_sync_config()
        });
    }
    match wanted.full {
        Some(full) => device.with_require_full_sync(full),
        None => device,
    }
}

/// The library's caches. They fill as they are used; LID mappings and session locks must not be bounded more tightly
/// than they are (it would address or lock wrongly).
fn caches(settings: &LinkSettings) -> CacheConfig {
    let msg_secret_policy = if settings.message_secrets { MsgSecretPolicy::Managed } else { MsgSecretPolicy::BotOnly };
    CacheConfig { msg_secret_policy, seed_msg_secrets_from_history: false, ..CacheConfig::default() }
}

/// Opens a link and starts connecting.
pub(super) async fn open(
    links: &WhatsAppLinks,
    target: LinkTarget,
    events: mpsc::Sender<LinkEvent>,
) -> Result<WhatsAppLink, LinkError> {
    let parts = Parts::new(links, &target).await?;
    let bot = match parts.bot(links, &target).await {
        Ok(bot) => bot,
        Err(error) => {
            // Nothing of a link that did not come to be may go on.
            parts.tasks.end(super::whatsapp::TASKS_LIMIT).await;
            return Err(refused(error));
        }
    };
    let client = bot.client();
    client.set_force_active_delivery_receipts(true);
    start(&parts, links, &client, events);
    let outlet = Arc::clone(&parts.outlet);
    let main = tokio::spawn(async move {
        LinkTasks::as_main_loop(Box::pin(bot.run())).await;
    });
    let main_ended = parts.tasks.clone();
    let files = links.files.as_ref().map(|(shelf, uploads)| Files {
        uploads: Arc::clone(uploads),
        downloads: Downloads::new(Arc::clone(&client), shelf.clone()),
    });
    let link = WhatsAppLink::new(
        client,
        Arc::clone(&parts.outlet),
        parts.codes,
        parts.tasks,
        main.abort_handle(),
        links.settings.query_timeout,
        files,
    );
    let link = link.among(Company {
        dialer: parts.sockets.dialer.clone(),
        watching: Arc::clone(&parts.watching),
        calls: Arc::clone(&parts.calls),
        room: Arc::clone(&parts.news),
    });
    main_ended.spawn_task(async move {
        // A panic of the loop is as much an end as its return.
        let _ = main.await;
        outlet.loop_over();
    });
    Ok(link)
}

fn start(parts: &Parts, links: &WhatsAppLinks, client: &Arc<Client>, events: mpsc::Sender<LinkEvent>) {
    parts.sockets.losses.of(client);
    parts.codes.of(client);
    let watching_stanzas = client.pn().is_none().then(|| client.acquire_raw_node_forwarding());
    let pump = Pump {
        outlet: Arc::clone(&parts.outlet),
        client: Arc::clone(client),
        inbox: Arc::clone(&parts.inbox),
        news: Reporter {
            client: Arc::clone(client),
            room: Arc::clone(&parts.news),
            clerk: Arc::clone(&parts.clerk),
            tasks: parts.tasks.clone(),
            watching: Arc::clone(&parts.watching),
            calls: Arc::clone(&parts.calls),
            limit: links.settings.query_timeout,
        },
        own: Arc::clone(&parts.own),
        events,
        watching_stanzas,
    };
    parts.tasks.spawn_task(pump.run());
    parts.tasks.spawn_task(Arc::clone(&parts.history).run());
    let keeper = Keeper {
        sockets: Arc::clone(&parts.sockets),
        outlet: Arc::clone(&parts.outlet),
        trouble: Arc::clone(&parts.trouble),
        client: Arc::clone(client),
    };
    parts.tasks.spawn_task(keeper.watch());
    let settings = links.settings.clone();
    parts.tasks.spawn_task(look_after(Arc::clone(client), Arc::clone(&parts.sockets), settings));
    parts.tasks.spawn_task(probe(Arc::clone(client), Arc::clone(&parts.sockets), links.settings.clone()));
    let keys = Arc::clone(&parts.keys);
    parts.tasks.spawn_task(async move {
        if let Err(error) = keys.expire_pending().await {
            tracing::warn!(%error, "old pending messages could not be deleted");
        }
    });
}

fn refused(error: BotBuilderError) -> LinkError {
    match error {
        BotBuilderError::Store(error) => match crate::keystore::cause(&error) {
            Some(cause) => LinkError::Store(cause.clone()),
            None => LinkError::Protocol(error.to_string()),
        },
        BotBuilderError::Client(error) => LinkError::Protocol(client_refused(&error)),
        other => LinkError::Protocol(other.to_string()),
    }
}

fn client_refused(error: &ClientBuilderError) -> String {
    error.to_string()
}
