# Makes a character device of a TPM at a Unix socket: as with /dev/tpmrm0, a command is written and its answer read.
import os, pty, select, socket, sys, tty

master, slave = pty.openpty()
tty.setraw(slave)
tpm = socket.socket(socket.AF_UNIX)
tpm.connect(sys.argv[1])
print(os.ttyname(slave), flush=True)
while True:
    ready, _, _ = select.select([master, tpm, sys.stdin], [], [])
    if sys.stdin in ready:
        break
    if master in ready:
        tpm.sendall(os.read(master, 4096))
    if tpm in ready:
        os.write(master, tpm.recv(4096))
