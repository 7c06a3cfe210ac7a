"""Checksums of what leaves by these links are finished before it does, as on a wire, and not left to a card. By ethtool's ioctl, for
ethtool is not everywhere."""
import array
import fcntl
import socket
import struct
import sys

SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as descriptor:
    for link in sys.argv[1:]:
        value = array.array("I", [ETHTOOL_STXCSUM, 0])
        fcntl.ioctl(descriptor, SIOCETHTOOL, struct.pack("16sP", link.encode(), value.buffer_info()[0]) + bytes(16))
