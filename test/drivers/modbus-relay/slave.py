"""A Modbus RTU slave of another make: pymodbus behind a TCP port, as a serial gateway would show it.

Prints its port, then, for each line read from stdin, the mode registers as JSON.
"""
import asyncio
import json
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartAsyncTcpServer
from pymodbus.transaction import ModbusRtuFramer

MODES = 0x1000


async def main():
    registers = ModbusSequentialDataBlock(0, [0] * (MODES + 8))
    registers.setValues(MODES + 1, [0, 1, 0, 0, 0, 0, 0, 3])
    inputs = ModbusSequentialDataBlock(1, [1, 0, 1, 0, 0, 0, 0, 1])
    slave = ModbusSlaveContext(
        di=inputs,
        co=ModbusSequentialDataBlock(1, [0] * 0x400),
        hr=registers,
        zero_mode=False,
    )
    server = await StartAsyncTcpServer(
        context=ModbusServerContext(slaves={7: slave}, single=False),
        framer=ModbusRtuFramer,
        address=("127.0.0.1", 0),
        defer_start=True,
    )
    serving = asyncio.ensure_future(server.serve_forever())
    while server.server is None or not server.server.sockets:
        await asyncio.sleep(0.01)
    print(server.server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(registers.getValues(MODES + 1, 8)), flush=True)
    serving.cancel()


asyncio.run(main())
