"""The words of the sandbox's papers: fields of study, phrases, names, laboratories.

All of it is made up for the sandbox; nothing is taken from a real paper.
"""

from collections.abc import Mapping, Sequence

Words = Mapping[str, Sequence[str]]


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("\n", " ").split(";"))


SHARED: Words = {
    "adj": _split(
        "sparse; robust; adaptive; hierarchical; calibrated; low-rank; modular; incremental; lazy;"
        " symmetric; quantized; budgeted; decoupled; asynchronous; streaming; probabilistic; frugal;"
        " contrastive; iterative; multi-scale; permutation-aware; reference-free; delayed; mirrored;"
        " uncertainty-aware; monotone; nested; gated; cooperative; counterfactual; data-efficient;"
        " stable; bilevel; sequential; noise-tolerant; self-correcting; weakly supervised; offline;"
        " interpretable; continual; compositional; energy-aware; federated; balanced; randomized;"
        " smooth; coarse-to-fine; memory-bounded; label-free; causal; layered; recursive; sharp;"
        " anisotropic; task-agnostic; reversible; privacy-preserving; anytime; simulation-based;"
        " curvature-aware; long-horizon; locally adaptive; order-invariant; spectral; dual"
    ),
    "method": _split(
        "attention pruning; gradient routing; token merging; kernel mixing; prompt distillation;"
        " residual planning; belief propagation; latent alignment; prototype matching; curriculum"
        " sampling; score interpolation; graph rewiring; reward shaping; weight averaging; policy"
        " stitching; feature recycling; hash embedding; schedule search; tensor sketching; error"
        " feedback; state abstraction; prefix caching; query rewriting; consistency training;"
        " mixture routing; adapter fusion; masked prediction; flow matching; tree expansion; view"
        " synthesis; speculative decoding; margin rescaling; cross-fitting; importance splitting;"
        " representation pooling; memory replay; boundary refinement; landmark selection; residual"
        " quantization; evidence aggregation; contrastive ranking; anchor regularization; parameter"
        " tying; rank selection; step-size control; trajectory smoothing; loss reweighting; pseudo"
        " labelling; subspace tracking; variance reduction; cache eviction; rule induction; depth"
        " completion; checkpoint merging; candidate filtering; alignment search; density ratio"
        " estimation; constraint projection; template induction; teacher forcing; beam pooling"
    ),
    "quality": _split(
        "accuracy; sample efficiency; calibration; stability; recall; fairness; throughput;"
        " memory use; worst-case error; robustness; coverage; latency; consistency; transfer;"
        " interpretability; energy use; convergence speed; agreement with experts"
    ),
    "setting": _split(
        "under distribution shift; with few labels; on small devices; at scale; without supervision;"
        " with missing data; under a fixed budget; in changing environments; with noisy feedback;"
        " from partial observations; over long horizons; in low-resource domains; under latency"
        " constraints; with heavy-tailed noise; across institutions; with delayed rewards; beyond"
        " the training range; in the presence of outliers; with unreliable annotators; at test time"
    ),
    "person": _split(
        "Schrödinger; Erdős; Hölder; Poincaré; Möbius; Gödel; Rényi; Łojasiewicz; Gröbner; Kähler;"
        " Bézier; Cramér; Lévy; Nyström; Szegő; Fréchet"
    ),
    "form": _split(
        "bounds; estimators; embeddings; flows; kernels; divergences; inequalities; networks;"
        " representations; processes; decompositions; regularizers"
    ),
    "math": (
        r"$\ell_1$",
        r"$k$",
        r"$\mathbb{R}^d$",
        r"$O(n \log n)$",
        r"$\varepsilon$",
        r"$n < p$",
        r"$\alpha$",
        r"$\mathcal{H}^2$",
        r"$p \ge 2$",
    ),
    "condition": (r"$n < p$", r"$p \ge 2$", r"$\alpha < 1$", r"$k > 1$"),
    "order": (r"$O(n \log n)$", r"$O(n^2)$", r"$O(\sqrt{n})$", r"$\tilde{O}(n)$"),
    "small": ("two", "three", "four", "five", "six", "seven", "eight", "nine", "eleven", "twelve"),
}

AREAS: Mapping[str, Words] = {
    "language": {
        "primary": ("cs.CL", "cs.CL", "cs.IR", "cs.AI"),
        "cross": ("cs.AI", "cs.LG", "cs.IR", "cs.HC", "cs.CY", "stat.ML", "eess.AS"),
        "task": _split(
            "machine translation; question answering; dialogue planning; summary evaluation; entity"
            " linking; code completion; passage retrieval; table understanding; morphological"
            " tagging; argument mining; fact checking; speech transcription; spelling correction;"
            " instruction following; multi-hop reasoning; terminology extraction; story generation"
        ),
        "object": _split(
            "language models; dialogue corpora; subword vocabularies; parallel sentences; legal"
            " documents; clinical notes; long contexts; tool calls; chat transcripts; news archives;"
            " low-resource languages; mathematical word problems; citation sentences"
        ),
    },
    "vision": {
        "primary": ("cs.CV", "cs.CV", "cs.GR", "cs.MM"),
        "cross": ("cs.LG", "cs.AI", "eess.IV", "cs.RO", "cs.GR"),
        "task": _split(
            "video segmentation; image restoration; pose estimation; scene reconstruction; texture"
            " transfer; object counting; depth estimation; visual grounding; image editing; change"
            " detection; point cloud registration; gaze prediction; super-resolution; layout"
            " generation; action recognition; document scanning; shape completion"
        ),
        "object": _split(
            "satellite images; surveillance videos; medical scans; hand-drawn sketches; panoramas;"
            " event streams; microscopy stacks; radiance fields; street scenes; thermal images;"
            " underwater footage; product photographs; radiographs"
        ),
    },
    "learning": {
        "primary": ("cs.LG", "cs.LG", "stat.ML", "cs.NE"),
        "cross": ("stat.ML", "cs.AI", "math.OC", "cs.NE", "cs.DS", "cs.IT"),
        "task": _split(
            "hyperparameter transfer; representation learning; policy evaluation; anomaly detection;"
            " model compression; time series forecasting; graph classification; active learning;"
            " density modelling; model selection; domain adaptation; preference learning; machine"
            " unlearning; architecture search; bandit optimization; imitation learning"
        ),
        "object": _split(
            "tabular data; molecular graphs; sensor logs; deep ensembles; transformers; diffusion"
            " models; decision trees; replay buffers; user feedback; federated clients; energy"
            " models; state-space models; recommendation logs; neural operators"
        ),
    },
    "robotics": {
        "primary": ("cs.RO", "cs.RO", "eess.SY"),
        "cross": ("cs.AI", "cs.LG", "cs.CV", "eess.SY", "cs.SY"),
        "task": _split(
            "motion planning; grasp synthesis; visual odometry; legged locomotion; task allocation;"
            " contact estimation; aerial inspection; shared autonomy; cable manipulation; swarm"
            " coordination; terrain mapping; fault diagnosis; collision avoidance; tactile sensing"
        ),
        "object": _split(
            "mobile manipulators; quadrupeds; soft grippers; drone fleets; warehouse robots; surgical"
            " arms; underwater vehicles; lidar scans; exoskeletons; planetary rovers; autonomous cars"
        ),
    },
    "data": {
        "primary": ("cs.DB", "cs.DC", "cs.SE", "cs.CR"),
        "cross": ("cs.DS", "cs.PL", "cs.LG", "cs.IR", "cs.PF"),
        "task": _split(
            "join ordering; index selection; query scheduling; schema matching; log compression;"
            " record linkage; test generation; program repair; access control; workload forecasting;"
            " stream processing; data cleaning; vulnerability detection; consensus; build caching"
        ),
        "object": _split(
            "columnar stores; knowledge graphs; serverless functions; version histories; sensor"
            " tables; smart contracts; key-value stores; bug reports; data lakes; event logs;"
            " container images; spreadsheets; dependency graphs"
        ),
    },
    "signal": {
        "primary": ("eess.SP", "eess.IV", "eess.AS", "cs.SD"),
        "cross": ("cs.LG", "cs.IT", "cs.SD", "cs.CV", "cs.NI"),
        "task": _split(
            "channel estimation; source separation; beam selection; speech enhancement; artefact"
            " removal; radar imaging; speaker tracking; spectrum sensing; music transcription; load"
            " forecasting; image registration; heartbeat detection; target localization"
        ),
        "object": _split(
            "antenna arrays; brain recordings; wearable sensors; power grids; room impulse"
            " responses; ultrasound frames; radio maps; hearing aids; acoustic scenes; smart meters;"
            " millimetre waves"
        ),
    },
    "statistics": {
        "primary": ("stat.ME", "stat.ML", "stat.CO", "stat.AP"),
        "cross": ("stat.ML", "math.ST", "cs.LG", "econ.EM", "q-bio.QM"),
        "task": _split(
            "variable selection; survival analysis; change point detection; causal inference;"
            " multiple testing; spatial smoothing; experimental design; covariance estimation;"
            " missing value imputation; mediation analysis; quantile regression; cluster validation"
        ),
        "object": _split(
            "panel studies; functional data; count data; longitudinal cohorts; compositional data;"
            " point processes; instrumental variables; high-dimensional tables; survey weights;"
            " latent class models; copulas; clinical trials"
        ),
    },
    "mathematics": {
        "primary": ("math.OC", "math.PR", "math.NA", "math.CO"),
        "cross": ("math.ST", "math.FA", "math.AP", "math-ph"),
        "task": _split(
            "convex relaxation; mixing time analysis; graph colouring; preconditioning; optimal"
            " transport; random matrix approximation; matching theory; error estimation; mean-field"
            " control; lattice enumeration; eigenvalue location; polynomial optimization"
        ),
        "object": _split(
            "random graphs; stochastic equations; finite elements; polytopes; Markov chains; tensor"
            " norms; hypergraphs; branching processes; saddle point problems; integer programs"
        ),
    },
    "physics": {
        "primary": ("quant-ph", "physics.comp-ph", "astro-ph.IM", "hep-ex", "cond-mat.stat-mech"),
        "cross": ("physics.data-an", "hep-th", "astro-ph.CO", "cond-mat.mtrl-sci"),
        "task": _split(
            "state preparation; detector calibration; lattice simulation; plasma control; transient"
            " detection; phase identification; error mitigation; trajectory unfolding; spectrum"
            " fitting; molecular dynamics; surrogate modelling; event reconstruction"
        ),
        "object": _split(
            "spin chains; photon counters; galaxy surveys; calorimeters; trapped ions; turbulent"
            " flows; superconducting circuits; pulsar timing data; crystal structures; neutrino events"
        ),
    },
}

OPENINGS = (
    "{Task} with {object} remains difficult {setting}.",
    "Much recent work on {task} assumes that {object} are plentiful, which seldom holds {setting}.",
    "Practitioners who rely on {task} often trade {quality} for {quality2}.",
    "We revisit {task} for {object} and ask what limits its {quality}.",
    "Progress in {task} is usually reported on {small} standard benchmarks, yet {object} behave differently.",
    "{Object} are now everywhere, but {task} still needs careful tuning {setting}.",
    "How far can {adj} {method} take us in {task}?",
    "This paper studies {task} {setting}.",
)
GAPS = (
    "Existing methods either ignore {quality} or need {small} passes over the data.",
    "Earlier answers depend on hand-made features and lose {quality} {setting}.",
    "We show that the usual remedy, {method}, fails whenever {quality2} is measured as well.",
    "The main obstacle is that errors in {object} accumulate and go unnoticed.",
    "No previous analysis separates the effect of {method} from that of the model's size.",
    "In particular, it is unclear how {quality} depends on the number of {object}.",
)
APPROACHES = (
    "We propose {name}, which combines {adj} {method} with {method2}.",
    "Our approach, {name}, replaces {method2} by a {adj2} form of {method}.",
    "To this end we derive a {adj} variant of {method} that needs no extra supervision.",
    "We introduce {adj} {method}, a simple change to {method2} that keeps its guarantees.",
    "{Name} learns where {method} helps and falls back to {method2} elsewhere.",
    "The key idea is to treat {method} as a {adj2} form of {method2}.",
)
DETAILS = (
    "Its cost grows as {order} in the number of examples, and it runs on one machine.",
    "A single parameter controls the balance between {quality} and {quality2}.",
    "We prove that the resulting error vanishes at the rate $n^{-1/{n}}$ under mild conditions.",
    "The procedure needs {n} lines of additional code and no change to training.",
    "Theoretical analysis links its behaviour to {person} {form}.",
    "An ablation over {small} design choices shows which parts matter.",
    "Unlike earlier work it does not store intermediate states & can be stopped at any time.",
)
RESULTS = (
    "On {small} data sets it improves {quality} by {pct} over the strongest baseline.",
    "Experiments with {big} examples show gains of {pct} in {quality} at equal cost.",
    "Across {small} tasks, {quality} rises from {pct} to {pct2} while {quality2} stays the same.",
    "In a study with {big} {object}, it halves the loss in {quality} {setting}.",
    "It matches models {n} times its size and uses {pct} less memory.",
    "Compared with {method2}, errors fall by {pct}, and most of the gain persists {setting}.",
)
EXTRAS = (
    "A user study with {n} annotators confirms the trend.",
    "We also report negative results for {method2}.",
    "The gains are largest {setting}.",
    "Qualitative inspection suggests that {quality} and {quality2} need not conflict.",
    "We find no benefit from {adj2} {method2}, contrary to common belief.",
)
CLOSINGS = (
    "These results suggest that {task} should be evaluated with {quality} in mind.",
    "We discuss limits of the approach and open questions for {object}.",
    "We hope that the findings make {task} more dependable in practice.",
    "The method extends to related problems without retraining.",
    "Taken together, the evidence argues for simpler {method} in {task}.",
)
TITLES = (
    "{Name}: {Adj} {Method} for {Task} {Setting}",
    "{Name}: {Adj} {Method} for {Object}",
    "{Adj} {Method} for {Task} with {Object}",
    "{Adj} and {Adj2} {Method} for {Task}",
    "{Task} {Setting}: {Adj} {Method} Revisited",
    "On the {Quality} of {Adj} {Method} in {Task}",
    "Towards {Adj} {Task} {Setting} via {Method}",
    "From {Method} to {Method2}: {Adj} {Task} for {Object}",
    "How Much {Quality} Does {Task} Need? A Study of {Adj} {Method}",
    "{Name}: A Benchmark of {Adj} {Task} for {Object}",
    "Improving the {Quality} of {Task} {Setting} by {Adj} {Method}",
    "Do {Object} Need {Adj} {Method}? Evidence from {Task}",
)
PERSON_TITLES = (
    "{Person} {Form} and {Adj} {Method} for {Task}",
    "{Adj} {Person} {Form} for {Task} with {Object}",
    "{Name}: {Person} {Form} in {Adj} {Task}",
)
MATH_TITLES = (
    "{Adj} {Method} with {math} Penalties for {Task}",
    "{Task} {Setting}: {Adj} {Method} When {condition}",
    "{Name}: {math}-Bounded {Method} for {Object}",
)
AMPERSAND_TITLES = (
    "{Name}: R&D of {Adj} {Method} for {Task}",
    "{Method} & {Method2}: {Adj} Tools for {Object}",
)
SYLLABLES = _split(
    "mor; vel; tan; qui; bra; zel; nor; pim; sol; dra; fen; gal; hux; jor; kes; lum; nax; ost; pel;"
    " rin; sva; tor; ulm; vex; wyn; yar; zim; cor; dez; eth"
)
GIVEN = _split(
    "José; María; Søren; Łukasz; Zoë; André; Jürgen; Chloé; Ángel; Björn; Anna; Peter; Wei; Yuki;"
    " Priya; Omar; Fatima; Ivan; Elena; Marco; Giulia; Lars; Ingrid; Tomás; Hana; Ali; Leila; Noah;"
    " Emma; Lucas; Sofia; David; Sarah; Michael; Laura; Daniel; Julia; Thomas; Amara; Kofi; Chidi;"
    " Nadia; Viktor; Olga; Dmitri; Mei; Jun; Xiao; Ling; Hiro; Kenji; Aiko; Minho; Jiwoo; Arjun;"
    " Divya; Rahul; Sunita; Nguyen; Linh; Carlos; Lucía; Diego; Camila; Pedro; Inês; Rui; Beatriz;"
    " Jan; Katarzyna; Piotr; Zuzana; Márton; Réka; Ioana; Andrei; Elif; Mehmet; Ayşe; Yusuf; Tariq;"
    " Samira; Ruth; Grace; Henry; Oliver; Alice; Clara; Felix; Moritz; Lena; Greta; Nils; Astrid;"
    " Mikael; Aino; Eero; Siobhán; Seán; Niamh; R. W.; J. K.; A. M.; K."
)
FAMILY = _split(
    "Núñez; O'Brien; García; Müller; Sørensen; Łukasiewicz; Håkansson; Dvořák; Kovács; Çelik; Šimić;"
    " Fernández; Lefèvre; Weiß; Gómez; Öztürk; Pérez; Åberg; Novák; Königs; Smith; Wang; Li; Zhang;"
    " Chen; Liu; Yang; Huang; Zhao; Wu; Zhou; Kim; Lee; Park; Choi; Tanaka; Suzuki; Sato; Watanabe;"
    " Ito; Patel; Sharma; Gupta; Singh; Rao; Iyer; Khan; Ahmed; Hassan; Ibrahim; Okafor; Mensah;"
    " Adeyemi; Ivanov; Petrov; Volkova; Kuznetsov; Rossi; Bianchi; Ferrari; Conti; Moreau; Dubois;"
    " Laurent; Fontaine; Schmidt; Fischer; Weber; Becker; Hoffmann; Keller; Brunner; Jansen;"
    " de Vries; van den Berg; Bakker; Johansson; Nilsson; Lindqvist; Virtanen; Nieminen; Hansen;"
    " Olsen; Silva; Santos; Costa; Oliveira; Pereira; Nguyen; Tran; Pham; Le; Johnson; Brown; Davis;"
    " Wilson; Taylor; Clark; Hall; Young; King; Wright; Green; Baker; Carter; Murphy; Walsh; Kelly;"
    " Byrne; MacDonald; Fraser; Campbell; Stewart; Y\u0131lmaz; Kaya; Demir; Papadopoulos; Georgiou;"
    " Horvat; Popescu; Ionescu; Nowak; Wiśniewski; Zieliński; Cohen; Levi; Haddad; Nasser; Rahimi;"
    " Hosseini; Das; Banerjee; Mukherjee; Fujimoto; Nakamura; Takahashi; Xu; Sun; Ma; Guo; Lin; Deng"
)
GROUPS = ("Aurora", "Meridian", "Halcyon", "Borealis", "Lanterna", "Tidewater")
LABS = (
    ("tidewater-lab", "Tidewater Laboratory"),
    ("nordlys-ai", "Nordlys Institute of Computing"),
    ("univ-altamira", "Universidad de Altamira"),
    ("kestrel-research", "Kestrel Research"),
    ("hoehenberg", "Universität Höhenberg"),
    ("palewater", "Palewater & Partners"),
    ("jade-harbour", "Jade Harbour University"),
    ("sandglass", "Sandglass Collective"),
    ("ito-group", "Ito Group for Learning Systems"),
    ("monsoon-ml", "Monsoon ML"),
    ("ateneo-sul", "Ateneo do Sul"),
    ("quillworks", "Quillworks"),
)
VENUES = (
    ("Journal of Patient Computing", "J. Pat. Comput.", "article"),
    ("Transactions on Useful Inference", "Trans. Useful Inference", "article"),
    ("Annals of Careful Measurement", "Ann. Careful Meas.", "article"),
    ("Letters in Applied Patterns", "Lett. Appl. Patterns", "article"),
    ("Conference on Practical Learning", "CPL", "proceedings-article"),
    ("Symposium on Languages and Records", "SLR", "proceedings-article"),
    ("Workshop on Quiet Machines", "WQM", "proceedings-article"),
)
