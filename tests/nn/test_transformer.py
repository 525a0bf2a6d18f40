"""What rows cannot say of transformers: copies of a layer, initialization, activations, dropout, a compiled step."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F
from tests.compiler.running import uncompiled


def normal(*shape, seed=0):
    return mg.tensor(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


@pytest.mark.parametrize(
    ("stack", "layer"),
    [(nn.TransformerEncoder, nn.TransformerEncoderLayer), (nn.TransformerDecoder, nn.TransformerDecoderLayer)],
)
def test_a_stack_copies_its_layer(stack, layer):
    one = layer(4, 2, 8)
    model = stack(one, 3)
    states = [part.state_dict() for part in model.layers]
    for name, value in one.state_dict().items():
        assert all(np.array_equal(state[name].numpy(), value.numpy()) for state in states)
    assert len(list(model.parameters())) == 3 * len(list(one.parameters()))
    model.layers[0].linear1.weight.assign_(mg.zeros((8, 4)))
    assert np.all(model.layers[1].linear1.weight.numpy() != 0)


def test_transformer_draws_its_matrices_by_xaviers_rule():
    mg.manual_seed(0)
    model = nn.Transformer(32, 2, 1, 1, 64)
    for name, p in model.named_parameters():
        if p.ndim > 1:
            bound = np.sqrt(6 / sum(p.shape))
            assert 0.95 * bound < np.abs(p.numpy()).max() <= bound, name


def test_transformer_takes_other_parts():
    class Encoder(nn.Module):
        def forward(self, src, **masks):
            return src * 0

    model, src, tgt = nn.Transformer(4, 2, 1, 1, 8, 0.0, custom_encoder=Encoder()), normal(5, 2, 4), normal(3, 2, 4)
    np.testing.assert_array_equal(model(src, tgt).numpy(), model.decoder(tgt, src * 0).numpy())


def test_activation_by_name_or_as_a_function():
    x, found = normal(5, 2, 4), []
    for activation in ("gelu", F.gelu, nn.GELU()):
        mg.manual_seed(0)
        found.append(nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, activation=activation)(x).numpy())
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_dropout_is_drawn_in_training_alone():
    layer, x = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.5), normal(5, 2, 4)
    assert not np.array_equal(layer(x).numpy(), layer(x).numpy())
    layer.eval()
    np.testing.assert_array_equal(layer(x).numpy(), layer(x).numpy())


def trained(jit):
    """Losses and parameters of some steps that use all there is: lookups, positions, masks, dropout."""
    with mg.set_default_dtype("float64"):
        mg.manual_seed(0)
        layer = nn.TransformerEncoderLayer(4, 2, 4, dropout=0.1, batch_first=True)
        model = nn.ModuleList([
            nn.Embedding(5, 4, padding_idx=0, max_norm=1.5, scale_grad_by_freq=True),
            nn.SinusoidalPositions(4, batch_first=True),
            nn.TransformerEncoder(layer, 2),
            nn.Linear(4, 5),
        ])
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def step(x):
            embed, positions, encoder, head = model
            h = encoder(positions(embed(x)), src_key_padding_mask=x == 0, is_causal=True)
            loss = F.cross_entropy(mg.moveaxis(head(h), -1, 1), x, ignore_index=0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        run = jit(step)
        rng = np.random.default_rng(0)
        losses = [run(mg.tensor(np.sort(rng.integers(0, 5, (2, 3)))[:, ::-1].copy())).item() for _ in range(3)]
    return losses, model.state_dict()


def test_a_compiled_step_is_the_eager_one():
    losses, state = trained(lambda step: step)
    with uncompiled():
        compiled_losses, compiled = trained(mg.jit(warmup=0))
    np.testing.assert_allclose(compiled_losses, losses, rtol=1e-12)
    for name, value in state.items():
        np.testing.assert_allclose(compiled[name].numpy(), value.numpy(), rtol=1e-9, atol=1e-12, err_msg=name)
