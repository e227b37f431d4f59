import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Hummingbird's HTTP/1.1 channel with a ``NotifyHandler`` before it: notifications are answered on the event loop that read
/// them, everything else goes on to Hummingbird.
///
/// A request that passes through Hummingbird costs several hops between threads and tasks; for a message that is verified
/// in 20 µs and waits for a shared commit that is more than all the rest (docs/performance.md).
struct NotifyChannel: HTTPChannelHandler {
    typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    let responder: HTTPChannelHandler.Responder
    let desk: NotifyDesk

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderFieldSize = desk.limits.headerBytes
            limits.maxHeaderListSize = desk.limits.headerBytes
            let pipeline = channel.pipeline.syncOperations
            try pipeline.configureHTTPServerPipeline(
                withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: false,
                withEncoderConfiguration: .init(),
                withDecoderLimitConfiguration: limits)
            // Before the codec: what it translates for Hummingbird, and back, is a tenth of the cost of a notification.
            try pipeline.addHandlers(
                NotifyHandler(desk, encoder: pipeline.context(handlerType: HTTPResponseEncoder.self)),
                HTTP1ToHTTPServerCodec(secure: false))
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    func handle(value: Value, logger: Logger) async {
        await handleHTTP(asyncChannel: value, logger: logger)
    }
}
