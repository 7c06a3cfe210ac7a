"""Detaches all BPF programs from the tcx hooks (Linux 6.6) of all links in this network namespace, whether they are held by a BPF
link or not. Without such hooks nothing is done. By bpf(2) itself, for bpftool is not everywhere."""
import ctypes
import os
import socket
import struct

SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
PROG_DETACH, PROG_GET_FD_BY_ID, PROG_QUERY, LINK_GET_FD_BY_ID, LINK_DETACH = 9, 13, 16, 30, 34  # enum bpf_cmd
HOOKS = (46, 47)  # BPF_TCX_INGRESS, BPF_TCX_EGRESS of enum bpf_attach_type
MOST = 64  # programs at one hook

libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    """The attributes as the kernel has left them, and what the call returned."""
    block = ctypes.create_string_buffer(attributes, 128)
    result = libc.syscall(SYS_BPF, command, block, 128)
    return block.raw, result


def attached(index, hook):
    """(program id, link id or 0) of each."""
    programs, links = (ctypes.c_uint32 * MOST)(), (ctypes.c_uint32 * MOST)()
    # target_ifindex, attach_type, query_flags, attach_flags, prog_ids, prog_cnt, pad, prog_attach_flags, link_ids, link_attach_flags, revision
    answer, result = bpf(PROG_QUERY, struct.pack("IIIIQIIQQQQ", index, hook, 0, 0, ctypes.addressof(programs), MOST, 0, 0,
                                                 ctypes.addressof(links), 0, 0))
    count = struct.unpack_from("I", answer, 24)[0] if result == 0 else 0
    return list(zip(programs[:count], links[:count]))


def main():
    for index, name in socket.if_nameindex():
        for hook in HOOKS:
            for program, link in attached(index, hook):
                if link:
                    descriptor = bpf(LINK_GET_FD_BY_ID, struct.pack("I", link))[1]
                    result = bpf(LINK_DETACH, struct.pack("I", descriptor))[1]
                else:
                    descriptor = bpf(PROG_GET_FD_BY_ID, struct.pack("I", program))[1]
                    result = bpf(PROG_DETACH, struct.pack("IIII", index, descriptor, hook, 0))[1]
                print("%s: program %d %s" % (name, program, "detached" if result == 0 else os.strerror(ctypes.get_errno())))
                os.close(descriptor)


main()
