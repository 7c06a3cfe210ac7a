"""Datagrams to groups and to everyone, for the scenarios: what is sent where, and who hears it.

  groups.py hear --port PORT [--group GROUP [--interface ADDRESS]] [--seconds N]   prints each payload as it comes
  groups.py say --port PORT --to ADDRESS [--from ADDRESS] [--interface NAME] [--ttl N] TEXT
"""
import argparse
import socket
import sys


def hear(options):
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("", options.port))
    if options.group:
        interface = socket.inet_aton(options.interface) if options.interface else socket.inet_aton("0.0.0.0")
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(options.group) + interface)
    print("listening", flush=True)
    while True:
        payload, sender = listener.recvfrom(65535)
        print(sender[0], payload.decode(errors="replace"), flush=True)


def say(options):
    speaker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    speaker.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    speaker.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, options.ttl)
    if options.interface:
        speaker.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, options.interface.encode())
    speaker.bind((options.sender, 0))
    speaker.sendto(options.text.encode(), (options.to, options.port))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("hear")
    command.set_defaults(act=hear)
    command.add_argument("--port", type=int, required=True)
    command.add_argument("--group")
    command.add_argument("--interface", help="the address of the interface to join on")
    command = commands.add_parser("say")
    command.set_defaults(act=say)
    command.add_argument("--port", type=int, required=True)
    command.add_argument("--to", required=True)
    command.add_argument("--from", dest="sender", default="")
    command.add_argument("--interface")
    command.add_argument("--ttl", type=int, default=1)
    command.add_argument("text")
    options = parser.parse_args()
    options.act(options)


if __name__ == "__main__":
    sys.exit(main())
