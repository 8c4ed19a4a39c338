r"""Tables and numbers of the report, from records: DataFrames for notebooks, booktabs and `\res{key}` for LaTeX, Markdown for the README.

Keys (`report/generated/numbers.tex` defines each as the csname `res@<key>`; a key without a record is not written):

    <experiment>/<dataset>/<arm>/<quantity>[/sd|/low|/high|/images-low|/images-high]
    <experiment>/<dataset>/<arm>-minus-<arm>/<quantity>[/low|/high|/p]        paired bootstrap over the images, of the means over seeds
    ... [/seeds-low|/seeds-high|/sign]        Welch's t interval over seeds; 1 or -1 where both intervals exclude 0
    grids/<dataset>/<h>x<w>                    test truth decided on a grid of cells        classes/<dataset>/thin|uncommon|rare  in words,
                                               classes/<dataset>/by-frequency/frequent|uncommon|rare[/share]
    floors/<dataset>/constant|prior           ceilings/<dataset>/x2|x4|x8|x16|x32
    data/<dataset>/forest|coarse-labelled|coarse-agreement|coarse-miou      (coarse: streets and Cityscapes)
    share/<dataset>/<class>                   per cent of the labelled pixels of train       count/<dataset>/train|val|test
    cost/<model>/parameters|gflops|milliseconds|memory        full-size models; small models: architectures/<dataset>/<model>/parameters
    claims/<id>/verdict|number                confirmed, refuted, not supported or open     claims/named/<verdict>
    claims/count/<verdict>|total|untested (if any)
    <experiment>/<dataset>/pictures/train|val|test        what a run is given and judged on
    <experiment>/<dataset>/rates|edge          rates tried for each arm; the arms whose winner lies at the edge of its grid, in words;
                                               neither looks at the controls
    architectures/same-order                  only where the families rank alike on all data sets
    changes/<dataset>/data|training|void|rates|longer/total|clear|holm|smallest-p|median|null|seed-sd|detectable|lowest|highest|
                                                   largest/arm|largest/points
                                               one thing changed; holm: clear for all of them together; null: the median without effects
    halving/<dataset>/settings|rounds|spent|whole|last|rates|miou       the sweep of notebook 09
    gradient/<dataset>/<loss>[/times]          L1 norm at uniform logits; how many times cross-entropy's is larger
    pretraining/<dataset>/gain|clear|clear/count|families|largest/arm|largest/points
    losses/<dataset>/dice-minus-cross_entropy/other-rate/points|lr|sign      against cross-entropy at its next best rate
    frequent/<dataset>/pixels|generalised_dice    what the classes above 5 % of the pixels hold of them, and of that loss's weight
    longer/<dataset>/gains-most|gains-least|few-seeds|moved        families, in words; moved: to a higher rate than the short runs'
    settings/<experiment>/images|batch|steps|seeds|size|width       settings/total|settling|shared|factors|inherited/runs|hours
    settings/total/devices

Without a suffix a quantity is the mean over seeds; sd is over seeds; low and high are the 95 % t interval over seeds; images-low and
images-high the 95 % bootstrap interval over images. Scores are per cent with one decimal, on test at the label's own size. `unseen` is
the mIoU over the 171 test photographs of CamVid, of 233, whose drive (Seq05VD) training has nothing of; it is written where all 233 were
scored over CamVid's classes.

    experiments   architectures losses void transforms annotation optimisers generalisation data original
                  longer losses-longer factors-longer pretraining imagenet fullsize confirmation rates
    quantities    miou val-miou accuracy class-accuracy frequency-iou category iiou category-iiou boundary image-miou thin rare calibration
                  instance-classes uncommon overconfidence unseen loss-first loss-last rise lost frequency-rank
                  confusion-<1..3>/true|taken-for|share
                  iou-<class, blanks as hyphens> unsteady/class|iou|sd
                  seeds images lr parameters seconds minutes images-per-second milliseconds memory
    arms          architectures: model, unet-no-skips, cnn_j, fcn_baseline_bn, fcn8s-small    losses, losses-longer: the loss
                  void: <model>-ignore, <model>-class
                  transforms: none flip flip-append crop crop-append size-<h>x<w>   annotation: fine coarse coarse-fine
                  factors-longer: flip flip-crop no-skips tenth void constant
                  optimisers: sgd adam adamw adamax constant step polynomial onecycle decay-<x> dropout-<per cent>
                  generalisation: <model>-from-<dataset>    data: <model>-10|25|50|100    original: <model>
                  longer: <model>, <model>-inherited|rejected|short, fcn8s-small, fcn8s-small-inherited|rejected, cnn_j,
                          unet-coarse-skips, unet-patches, fcn_baseline-dilated, swin-convolutions, fcn_baseline_bn, fcn8s-near,
                          fcn8s-thin (streets)
                  rates: <model>-chosen, <model>-higher    pretraining: <model>-random, <model>-pretrained
                  imagenet: random, imagenet, both also -longer
                  fullsize: size-<h>x<w>    confirmation: <loss>, <model>, both also -longer, <model>-inherited-longer

Tables, each a whole tabular without float: report/generated/<name>.tex for the names of `TABLES`. architectures has the families' longest
runs, details (CamVid's: detailscamvid) all of them; losses those of Figure 6, otherlosses all that ran, with more columns. overlay.tex
says on the first page what the PDF of another profile shows. `published.ROWS` are others' numbers under the keys of report/published.tex.
"""

from seglib.tables.cards import classes, cost, loss_classes, others
from seglib.tables.claims import claims
from seglib.tables.content import ablations, claim_table, losses, transfer
from seglib.tables.evidence import Evidence
from seglib.tables.factors import FACTORS, changes
from seglib.tables.families import architectures, details
from seglib.tables.layout import Table, frame, latex, markdown
from seglib.tables.numbers import numbers
from seglib.tables.settings import outcome, rates, settings
from seglib.tables.writing import TABLES, readme_table, write, write_readme

__all__ = [
    "FACTORS", "TABLES", "Evidence", "Table", "ablations", "architectures", "changes", "claim_table", "claims", "classes",
    "cost", "details", "frame", "latex",
    "loss_classes", "losses", "markdown", "numbers", "others", "outcome", "rates", "readme_table", "settings", "transfer",
    "write", "write_readme",
]  # fmt: skip
