"""Work on several threads, for emitted code.

`spread` cuts a range into chunks whose bounds do not depend on the number of threads, so results are bitwise equal for
any number of them. The function it calls is compiled as any other; the loop over the chunks is one of those in
`minigrad.kernels`, found when the code runs, so emitted code is the same for any number of threads too.
"""

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from minigrad.compiler.runtime.blas import gemm32, gemm64
from minigrad.compiler.runtime.panels import panels
from minigrad.kernels.cpu.gemm import single_threaded_blas
from minigrad.kernels.cpu.launch import ready
from minigrad.kernels.cpu.team import ADDRESS, WORD, WORKERS, word

_TILE = ir.FunctionType(ir.VoidType(), [WORD] * 4)


@intrinsic
def spread(typing_context, kernel, total, chunk, arguments):
    """kernel(first, last, *arguments) for the chunks of range(total), on several threads if there are any to be had."""
    given = [types.unliteral(x) for x in arguments]  # for each literal numba would compile the kernel anew
    called = kernel.get_call_type(typing_context, (types.int64, types.int64, *given), {})

    def generate(context, builder, signature, values):
        _, total, chunk, packed = values
        compiled = kernel.dispatcher.overloads[called.args]
        context.add_linking_libs([compiled.library])
        unpacked = zip(cgutils.unpack_tuple(builder, packed), arguments, given)
        record = cgutils.pack_struct(builder, [total, chunk, *(context.cast(builder, *x) for x in unpacked)])
        plan = cgutils.alloca_once_value(builder, record)
        tile = _tile_function(context, builder.module, compiled.fndesc, called, plan.type)
        tiles = builder.sdiv(builder.sub(builder.add(total, chunk), WORD(1)), chunk)
        address, workers = (builder.load(word(builder, WORD(i))) for i in (ADDRESS, WORKERS))
        run = builder.inttoptr(address, _TILE.as_pointer())
        builder.call(run, [builder.ptrtoint(tile, WORD), builder.ptrtoint(plan, WORD), tiles, workers])
        return context.get_dummy_value()

    return types.void(kernel, total, chunk, arguments), generate


def _tile_function(context, module, kernel, called, plan_type):
    """The C function `tile(plan, tile, tiles, worker)` that calls a compiled kernel for one chunk."""
    function = ir.Function(module, _TILE, module.get_unique_name("tile"))
    function.linkage = "internal"
    plan, tile, _, _ = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    total, chunk, *arguments = cgutils.unpack_tuple(builder, builder.load(builder.inttoptr(plan, plan_type)))
    first = builder.mul(tile, chunk)
    last = builder.add(first, chunk)
    last = builder.select(builder.icmp_signed("<", last, total), last, total)
    context.call_internal_no_propagate(builder, kernel, called, [first, last, *arguments])
    builder.ret_void()
    return function


gemm_rows32, gemm_columns32 = map(njit, panels(gemm32))
gemm_rows64, gemm_columns64 = map(njit, panels(gemm64))


def with_threads(function, products):
    """A compiled function, called so that it may use the threads there are, each with SciPy's BLAS to itself."""

    def alone(*arguments):
        ready()
        return function(*arguments)

    def with_blas(*arguments):
        ready()
        with single_threaded_blas:
            return function(*arguments)

    return with_blas if products else alone
