//! Whether the stream that ours mirrors was made anew. Its mirror notices nothing: it waits until the new one has more messages than itself,
//! and goes on with those, under the old epoch.

use std::time::Duration;

use async_nats::jetstream::{self, Context, stream::Info};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    epoch::epoch_of,
    problem::Problem,
    stream_info::{NO_JETSTREAM, stream_info},
};

/// How long an answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long after an answer the origin is asked again, and how long where nobody answers for it: the way there may be gone.
const PAUSE: Duration = Duration::from_secs(5);
/// How long after a question that was not answered: this user may lack the right to ask, which the server's log says each time.
const LONG_PAUSE: Duration = Duration::from_mins(1);

/// What asks; it ends with this value, and says what is wrong.
pub(super) type Watch = JoinSet<String>;

/// Says what is wrong with the mirror `stream`; if nothing is, or nobody knows, goes on asking in the background.
pub(super) async fn watch(context: &Context, stream: &str) -> Result<Watch, String> {
    let first = compare(context, stream).await;
    let mut pause = pause_after(&first);
    if let Ok(Some(wrong)) = first {
        return Err(wrong);
    }
    let (context, stream) = (context.clone(), stream.to_owned());
    let mut watch = Watch::new();
    watch.spawn(async move {
        loop {
            sleep(pause).await;
            let found = compare(&context, &stream).await;
            pause = pause_after(&found);
            if let Ok(Some(wrong)) = found {
                return wrong;
            }
        }
    });
    Ok(watch)
}

/// Asks the mirror and its origin for their epochs; says so if they differ.
async fn compare(context: &Context, stream: &str) -> Result<Option<String>, Problem> {
    let info = stream_info(context, stream).await?;
    let Some(mirror) = &info.config.mirror else {
        return Ok(None);
    };
    let mut there = context.clone();
    if let Some(external) = &mirror.external {
        there = jetstream::with_prefix(context.client(), &external.api_prefix);
        there.set_timeout(REQUEST_TIMEOUT);
    }
    let origin = stream_info(&there, &mirror.name).await?;
    Ok(difference(&info, &origin))
}

fn difference(mirror: &Info, origin: &Info) -> Option<String> {
    let (has, epoch) = (epoch_of(&mirror.config)?, epoch_of(&origin.config)?);
    let name = &mirror.config.name;
    (has != epoch).then(|| {
        format!(
            "the mirror {name} has lines of the epoch {has}, and its origin is of {epoch}: it was made anew; delete the mirror, and make \
             it again with `datecast-nats create --mirror`"
        )
    })
}

fn pause_after(found: &Result<Option<String>, Problem>) -> Duration {
    match found {
        Err(problem) if !problem.is_missing && problem.message != NO_JETSTREAM => LONG_PAUSE,
        _ => PAUSE,
    }
}
