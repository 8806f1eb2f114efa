//! The writing half of a connection: encrypts in order, flushes when the queue is empty.

use super::link::Order;
use crate::frame::FrameWriter;
use crate::noise::Sealer;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How long the client may take to close the socket itself after it was told why. A socket that
/// vanishes together with the reason makes whatsapp-rust reconnect twice.
const PARTING: Duration = Duration::from_millis(250);

/// Runs until the connection is cut, closed or broken; then it makes sure the reader ends too.
pub(super) async fn run(
    mut writer: FrameWriter,
    mut sealer: Sealer,
    mut orders: mpsc::Receiver<Order>,
    cut: CancellationToken,
) {
    let work = async {
        while let Some(order) = orders.recv().await {
            let mut next = Some(order);
            while let Some(order) = next {
                if !carry_out(&mut writer, &mut sealer, order).await {
                    return;
                }
                next = orders.try_recv().ok();
            }
            if writer.flush().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = cut.cancelled() => {}
        () = work => cut.cancel(),
    }
}

/// Whether the connection goes on.
async fn carry_out(writer: &mut FrameWriter, sealer: &mut Sealer, order: Order) -> bool {
    match order {
        Order::Stanza { node, due } => {
            if let Some(due) = due {
                // What was fed before must not wait for this one's delay.
                if writer.flush().await.is_err() {
                    return false;
                }
                tokio::time::sleep_until(due).await;
            }
            match sealer.seal(&node) {
                Ok(frame) => writer.feed(&frame).await.is_ok(),
                Err(error) => {
                    tracing::error!(%error, tag = %node.tag, "cannot encode a stanza");
                    false
                }
            }
        }
        Order::Close => {
            if writer.flush().await.is_ok() {
                // Ended early, with the whole writer, when the reader sees the client go.
                tokio::time::sleep(PARTING).await;
            }
            writer.close().await;
            false
        }
    }
}
