#!/usr/bin/env python3
"""A consumer that keeps an exact book, written from the rules in proto/depthcast/v1/market_data.proto alone.

It needs gRPC and protobuf, and the stubs, on PYTHONPATH. On Debian:

    apt-get install python3-grpcio python3-protobuf protobuf-compiler protobuf-compiler-grpc
    protoc -I proto --python_out=stubs --grpc_python_out=stubs \\
        --plugin=protoc-gen-grpc_python=$(which grpc_python_plugin) \\
        depthcast/v1/types.proto depthcast/v1/market_data.proto
    PYTHONPATH=stubs python3 examples/python/consumer.py 127.0.0.1:50051 BTC-USD --depth 10

Each message becomes one line of JSON, with the whole book in mantissas.
"""

import argparse
import json
import struct
import sys
import time
import zlib

import grpc
from depthcast.v1 import market_data_pb2 as market_data
from depthcast.v1 import market_data_pb2_grpc as services
from depthcast.v1 import types_pb2 as types

BID, ASK = 1, 2
RECONNECT_SECONDS = 0.2


class BrokenBook(Exception):
    """A message that does not fit: the book has to be asked for anew."""


class Book:
    """One view. It is exact after each message, or `apply` raises."""

    def __init__(self):
        self.sides = {BID: {}, ASK: {}}
        self.epoch = None
        self.sequence = None
        self.checksum = 0

    def snapshot(self, message):
        self.sides = {BID: {}, ASK: {}}
        self.checksum = 0
        self.epoch = message.epoch
        self._apply(message)

    def delta(self, message):
        if message.prev_sequence != self.sequence:
            raise BrokenBook(f"a delta from {message.prev_sequence}, and the book is at {self.sequence}")
        if message.sequence <= self.sequence:
            raise BrokenBook(f"a delta to {message.sequence}, and the book is at {self.sequence}")
        self._apply(message)

    def levels(self, side):
        """[price, quantity, order count], the best first."""
        prices = sorted(self.sides[side], reverse=side == BID)
        return [[price, *self.sides[side][price]] for price in prices]

    def _apply(self, message):
        for side, levels in ((BID, message.bids), (ASK, message.asks)):
            for level in levels:
                self._set(side, level)
        self.sequence = message.sequence
        if self.checksum != message.checksum:
            raise BrokenBook(f"checksum {self.checksum:08x} at {self.sequence}, not {message.checksum:08x}")

    def _set(self, side, level):
        """Quantities are absolute, and 0 means that the level is gone: from the book, or from the best `depth`."""
        known = self.sides[side].pop(level.price, None)
        if known is not None:
            self.checksum -= level_checksum(side, level.price, known[0])
        if level.quantity > 0:
            self.sides[side][level.price] = (level.quantity, level.order_count)
            self.checksum += level_checksum(side, level.price, level.quantity)
        self.checksum %= 2**32


def level_checksum(side, price, quantity):
    return zlib.crc32(struct.pack("<Bqq", side, price, quantity))


def watch(channel, book, options):
    """Follows one subscription to its end; yields the kind of each message once the book is as it says."""
    resume = None
    if book.sequence is not None:
        resume = types.Position(epoch=book.epoch, sequence=book.sequence)
    subscription = market_data.Subscription(
        symbol=options.symbol, depth=options.depth, interval_ms=options.interval, resume=resume
    )
    request = market_data.SubscribeRequest(subscriptions=[subscription])
    for response in services.MarketDataServiceStub(channel).Subscribe(request):
        for update in response.updates:
            kind = update.WhichOneof("event")
            if kind == "snapshot":
                book.snapshot(update.snapshot)
            elif kind == "delta":
                book.delta(update.delta)
            elif kind == "subscribed" and update.subscribed.resumed:
                kind = "resumed"
            yield kind


def follow(options):
    """Follows the book for good, over lost connections."""
    book = Book()
    while True:
        with grpc.insecure_channel(options.address) as channel:
            try:
                for kind in watch(channel, book, options):
                    show(kind, book)
            except BrokenBook as broken:
                print(f"{broken}: asking for a snapshot", file=sys.stderr)
                book = Book()
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                    raise
                print(f"{error.details()}: connecting again", file=sys.stderr)
        time.sleep(RECONNECT_SECONDS)


def show(kind, book):
    line = {"kind": kind, "sequence": book.sequence, "checksum": book.checksum}
    if kind in ("snapshot", "delta"):
        line.update(bids=book.levels(BID), asks=book.levels(ASK))
    print(json.dumps(line), flush=True)


def main():
    parser = argparse.ArgumentParser(description="Keeps a book and checks every message.")
    parser.add_argument("address", help="host:port of the server's gRPC")
    parser.add_argument("symbol")
    parser.add_argument("--depth", type=int, default=20, help="levels a side")
    parser.add_argument("--interval", type=int, default=50, help="milliseconds; 0 = as soon as it changes")
    try:
        follow(parser.parse_args())
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
