"""What every column, figure and mark of the report means, in the words that stand beside it."""

PROTOCOLS = {
    "clean": "Every decision was made on a validation split cut from the training images; "
    "the test split was only measured.",
    "paper": "Decisions were made on the test split, as in the published experiments; "
    "these accuracies are optimistic and only comparable with tables made the same way.",
}
COLUMNS = {  # of all tables, by their names in the CSV
    "method": "the method, or the variant of one, as the configuration names it",
    "seed": "the seed of one whole run",
    "seeds": "how many runs the mean is over",
    "tasks": "how many tasks the run has learned",
    "task": "the task",
    "after_task": "the newest task at the time of the measurement",
    "split": "the images it was measured on",
    "protocol": "where decisions were made: see the top of the page",
    "accuracy": "share of images whose class was named correctly",
    "accuracy_mean": "mean test accuracy over all tasks, after the newest",
    "accuracy_last": "test accuracy on the newest task",
    "forgetting_mean": "mean drop from the best accuracy on an old task to that after the newest; "
    "0.0 is nothing forgotten",
    "bwt": "backward transfer: mean change of old tasks since each was learned",
    "width": "width of the newest task's network, 1 is where it started",
    "used_ratio": "weights that all tasks own, in units of one separate network",
    "size_mb": "all files of the model, in MiB",
    "size_ratio": "those bytes over the bytes of one separate network per task",
    "goals_met": "tasks that reached their goal on the deciding split",
    "goal": "the accuracy to reach on the deciding split",
    "accuracy_selected": "on the deciding split, of the pruning rung that was chosen",
    "met": "whether that reaches the goal",
    "ratio": "share of the task's weights that were released again",
    "accuracy_retrained": "on the deciding split, of what retraining made of the rung",
    "pattern": "one letter per layer from the image on: S shared, - the task's own",
    "peak_accuracy": "test accuracy at the first epoch with the best validation accuracy",
    "final_accuracy": "test accuracy after the newest task, as committed",
    "final_accuracy_live": "test accuracy as last measured in training",
    "forgetting_ratio": "final over peak, of older tasks; 1 is nothing forgotten",
    "forgetting_ratio_live": "live final over peak, of older tasks",
    "convergence_epoch": "the first epoch that reaches 98 % of the peak",
    "weights_model": "weights, norms, biases and output layers of all tasks so far",
    "weights_owned": "weights that the task brought",
    "weights_free": "weights that no task owns yet",
    "weights_total": "weights of the network at its width now",
    "weights_picked": "weights of older tasks that the task uses",
    "weights_other": "its norms, biases, own blocks and output layer",
    "weights_reference": "weights of one separate network of width 1",
    "bytes_file": "bytes of the task's file",
    "bytes_values": "of these, the weights' values",
    "bytes_owned": "of these, the positions of those weights",
    "bytes_picks": "of these, which older weights it picks",
    "bytes_dense": "of these, norms, biases and output layer",
    "bytes_ground": "bytes of the pretrained weights that all tasks stand on, counted once",
    "bytes_reference": "bytes of a separate network's file",
    "bytes_superseded": "bytes of older files that the task wrote again",
    "union_ratio": "weights in use by all tasks so far, in units of one network of width 1",
    "cap_ratio": "the same with 1/32 of a weight per weight and mask: CAP as the WSN paper counts "
    "it for PackNet and SupSup; its own rows count 0.22/32",
    "total_mb": "MiB of all tasks' files so far",
    "total_heads_mb": "of these, norms, biases and output layers",
    "ours": "our method beside the paper's",
    "published_percent": "accuracy that the paper prints, in percent",
    "ours_percent": "ours, mean over seeds, in percent",
    "ours_std": "its sample deviation over seeds",
    "difference": "ours minus published, in points",
    "networks": "how many networks the mean is over",
    "std_population": "population deviation of that accuracy over the folds of pairs",
    "standard_error": "its standard error over the folds",
    "auc": "area under the curve of pairs accepted against pairs falsely accepted",
    "equal_error_rate": "where as many pairs of one person are refused as pairs of two accepted",
    "tar": "share of pairs of one person accepted, at the far_target",
    "far": "share of pairs of two people accepted where tested",
    "far_target": "share of the other folds' pairs of two people that may be accepted",
    "joint_decision": "share of pairs let in or not as they should be, by face and expression",
    "both_ok": "share of pairs whose face and expression are both judged rightly",
    "legacy_xnor": "the same as FaceLiveNet's program counts: two wrong judgements count too",
    "expression_ok": "share of pairs whose expression is judged rightly",
    "accuracy_separate": "of a separate network with the same seed",
    "accuracy_difference": "accuracy minus that",
}
FRONT = "no other method here is as accurate with fewer bytes"
DENSE = "the most accuracy per byte"
RESULTS = (
    "Test accuracy in percent after the last task, {spread}. All tasks together have {images} test "
    "images: by their number alone a mean may be off by about {half} points (95 %, Wilson), so "
    "smaller differences between methods mean little."
)
SIZE = (
    "Up and to the left is better. Bars show how far each mean may be off for the number of test "
    "images alone (95 %, Wilson's intervals combined over tasks)."
)
SEEDS = " Faint marks are single seeds."
LIVE = (
    "Test accuracy on every task while tasks are learned one after another, each in its own "
    "colour, later tasks lighter; rings: as committed after each task. Numbers at the top: the "
    "task that is being learned. Seed {seed}."
)
CURVES = (
    "Accuracy over the epochs in which each task is learned for the first time, task after task; "
    "numbers at the top are the tasks. Training images far above the other line are overfitting. "
    "Seed {seed}."
)
LADDER = (
    "Weights are released rung by rung from left to right; the band marks the share that was "
    "chosen. Seed {seed}."
)
OWNERS = (
    "Weights that each task owns after each task, in units of one network of width 1 (dashed); "
    "grey is free for tasks to come. Tasks that own nothing have no entry. Seed {seed}."
)
MATRIX = (
    "Test accuracy in percent on each task after learning each task. Only of methods under which "
    "an old task's accuracy changed; under all others every column is constant. Seed {seed}."
)
SHARED = "Which layers each task shares with older ones (blue) and which are its own. Seed {seed}."
BALANCE = (
    "The weight of each task's loss in the sum that is trained, the loss and the accuracy on the "
    "deciding split, over the epochs of all lessons in turn. Seed {seed}."
)
POSTERIOR = (
    "How probable the method considers each pattern of shared (S) and own (-) layers as it learns "
    "a task; dashed: all alike. Seed {seed}."
)
CONFUSION = (
    "What the model answered to the test pictures after the last task. Rows are the true classes, "
    "columns the answers, cells the share of a row in percent. Below, wrong answers that the model "
    "was most certain of: class → answer, probability of the answer. Seed {seed}."
)
TIMES = (
    "From timing.json of every stage, by the clock on the wall; the time before a stage was "
    "interrupted is not in it. This picture is a file beside the page, because it alone differs "
    "from run to run."
)
SETTINGS = (
    "The whole configuration with all defaults filled in, but for `published`; it can be run as it "
    "stands."
)
FILES = "Of seed {seed}; all other seeds lie beside it."
