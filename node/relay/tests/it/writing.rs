use etl_sdk::Destination;

use crate::fakes::{Host, Memory, numbers};

#[tokio::test(flavor = "multi_thread")]
async fn rows_arrive_with_their_ordinals_and_are_committed() {
    let memory = Memory::default();
    let host = Host::of(&memory);
    let sink = host.destination(host.relay(), &memory);
    sink.check(&host.steps.context).await.unwrap();
    assert_eq!(memory.content.lock().unwrap().checked, std::slice::from_ref(&host.steps.context));

    let mut writer = host.open(&sink, 5).await;
    assert_eq!(writer.marker().await.unwrap(), None);
    let mut marker = writer.fence(&host.claim(3)).await.unwrap();
    assert_eq!((marker.epoch, marker.seq, &marker.position), (3, 0, &None));
    let batches = [numbers(0..10, 5), numbers(10..10, 5), numbers(10..1000, 20)];
    for (index, batch) in batches.iter().enumerate() {
        writer.write(sink.encoder().encode(batch.clone()).unwrap()).await.unwrap();
        let unit = Host::unit(&marker, 1000 * (index as u64 + 1));
        assert_eq!(writer.stage(&unit).await.unwrap(), []);
        writer.commit(&unit).await.unwrap();
        marker = unit.marker;
        assert_eq!(writer.marker().await.unwrap().as_ref(), Some(&marker));
    }
    assert_eq!(memory.markers(), [marker]);
    let written = memory.content.lock().unwrap().rows[&host.route(5)].clone();
    assert_eq!(written, [batches[0].clone(), batches[2].clone()], "rows without rows are nothing to write");
    assert_eq!(memory.content.lock().unwrap().indexes.last(), Some(&5));

    let routes = [host.route(5), host.route(6)];
    sink.complete(&host.steps.context, &routes).await.unwrap();
    assert_eq!(memory.content.lock().unwrap().completed, [routes.to_vec()]);
    drop(writer);
    host.stop().await;
    assert_eq!(memory.writers(), 0);
}
